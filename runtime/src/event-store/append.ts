import type { Event, EventMetadata, NewEvent } from '../events/event.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { StreamId } from '../events/stream-id.ts';
import type { ExpectedVersion } from './expected-version.ts';

/** Events for one stream. At least one. */
export interface StreamWrite<E extends Event = Event> {
  readonly stream: StreamId;
  readonly expected: ExpectedVersion;
  readonly events: readonly NewEvent<E>[];
}

/** A condition on a stream that this append does not write. */
export interface StreamCheck {
  readonly stream: StreamId;
  readonly expected: Exclude<ExpectedVersion, 'any'>;
}

/** Everything that is to happen together or not at all. A stream is named once at most. */
export interface AppendRequest<E extends Event = Event> {
  readonly writes: readonly StreamWrite<E>[];
  readonly checks?: readonly StreamCheck[];
}

/** How to append, whatever is appended. */
export interface AppendOptions<Tx = never> {
  /** The caller's transaction to append in. Default: a transaction of the store's own. A conflict leaves it usable. */
  readonly transaction?: Tx | undefined;
  /** Metadata of every event of the append; what an event says itself wins. */
  readonly metadata?: EventMetadata | undefined;
}

/** What happened to one stream. */
export interface StreamAppendResult<E extends Event = Event> {
  readonly stream: StreamId;
  /** Version of the last event appended: what to expect next time. */
  readonly version: bigint;
  /** Position of the last event appended. */
  readonly lastPosition: bigint;
  /** The events as they were recorded, in order. */
  readonly events: readonly RecordedEvent<E>[];
  /** True when the same ids were in the stream already, so that nothing was written; the events are those. */
  readonly alreadyAppended: boolean;
}

/** What happened, stream by stream, in the order of the request's writes. */
export interface AppendResult<E extends Event = Event> {
  readonly streams: readonly StreamAppendResult<E>[];
  /** Highest position of the append. */
  readonly lastPosition: bigint;
}
