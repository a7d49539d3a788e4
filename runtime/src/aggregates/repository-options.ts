import type { EventMetadata } from '../events/event.ts';
import type { EventStore } from '../event-store/event-store.ts';
import type { ExpectedVersion } from '../event-store/expected-version.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { Event } from '../events/event.ts';
import type { RetryPolicy } from '../foundation/backoff.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Logger } from '../foundation/logger.ts';
import type { Meter } from '../observability/meter.ts';
import type { Tracer } from '../observability/tracer.ts';
import type { SnapshotStore } from '../snapshots/snapshot-store.ts';
import type { SnapshotStrategy } from '../snapshots/snapshot-strategy.ts';

/** What a repository works with. */
export interface RepositoryOptions<State, Tx = never> {
  readonly eventStore: EventStore<Tx>;
  /** Default: none, every load replays its stream from the beginning. */
  readonly snapshots?: {
    readonly store: SnapshotStore<Tx>;
    /** Default: `everyEvents(100)`. */
    readonly strategy?: SnapshotStrategy<State>;
  };
  /**
   * What to do when another process wrote the stream meanwhile. Default: three retries, 10 ms doubling to 1 s, full
   * jitter. Writers in this process take turns and do not conflict.
   */
  readonly retry?: RetryPolicy;
  /** Most commands that may wait for one stream in this process; beyond it `OVERLOADED`. Default 10,000. */
  readonly maxWaiting?: number;
  /** Decides ages of snapshots and pauses between retries. Default: the system's. */
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly tracer?: Tracer;
  readonly meter?: Meter;
}

/** How to handle one command. */
export interface HandleOptions<Tx = never> {
  /**
   * The version the caller saw (an If-Match header). A stream at any other version is a `CONCURRENCY_CONFLICT` at once,
   * without a retry: what the caller saw is no longer true. Default: whatever version is there.
   */
  readonly expected?: ExpectedVersion | undefined;
  /** Metadata of the events; fills in over what the current correlation says. */
  readonly metadata?: EventMetadata | undefined;
  /**
   * The caller's transaction: the stream is locked, read and appended on it, retries included, and nothing is visible until
   * the caller commits. Until then other writers of the stream wait: what else the command has to do with it goes through
   * the same transaction. The command does not take a turn in the process's queue, because a row lock of this transaction and
   * the queue could wait for each other, unless the transaction is one that several requests with keys share; no snapshot is taken, because the transaction may yet be rolled back.
   */
  readonly transaction?: Tx | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What handling a command came to. */
export interface Handled<State, E extends Event = Event> {
  /** After the events. */
  readonly state: State;
  /** Of the stream after the events: the next `expected`. */
  readonly version: bigint;
  /** As they were recorded; empty when the command decided on none. */
  readonly events: readonly RecordedEvent<E>[];
}

/** What to load. Default: the present. */
export interface LoadOptions<Tx = never> {
  /** The state as of this version. A stream that is shorter gives what it has; look at `version` of the result. */
  readonly version?: bigint | undefined;
  /** The state as of this time, counting what was recorded until then. Always replayed, without snapshots. */
  readonly at?: Date | undefined;
  /** Whether snapshots may be used. Default true. */
  readonly snapshots?: boolean | undefined;
  readonly transaction?: Tx | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A state that was loaded. */
export interface Loaded<State> {
  readonly state: State;
  /** Of the last event in the state; 0n when there is none, which is how a missing stream looks. */
  readonly version: bigint;
  /** Version of the snapshot it started from; undefined when it was replayed from the beginning. */
  readonly snapshotVersion: bigint | undefined;
  /** Events that were read and applied. */
  readonly eventsRead: number;
}
