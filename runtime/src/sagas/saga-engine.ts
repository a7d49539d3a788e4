import type { Clock } from '../foundation/clock.ts';
import type { Duration } from '../foundation/duration.ts';
import type { Logger } from '../foundation/logger.ts';
import type { Meter } from '../observability/meter.ts';
import type { Tracer } from '../observability/tracer.ts';
import type { SagaDefinition } from './definition/saga-definition.ts';
import type { DirectoryPage, SagaFilter, SagaListing } from './saga-directory.ts';
import type { JournalEntry, SagaStatus } from './saga-event.ts';
import type { SagaHistory } from './saga-history.ts';
import type { DiagramOptions } from './diagram/saga-diagram.ts';
import type { SagaOperations } from './saga-operations.ts';
import type { SagaStore } from './saga-store.ts';
import type { SagaView } from './saga-view.ts';

/** What an engine is made of. */
export interface SagaEngineOptions<Tx = unknown> {
  readonly store: SagaStore<Tx>;
  /** Every definition, in every version that sagas may still be under way in. Sagas of others are left alone. */
  readonly definitions: readonly SagaDefinition<unknown, Tx>[];
  readonly logger?: Logger;
  readonly tracer?: Tracer;
  readonly meter?: Meter;
  readonly clock?: Clock;
  /** This process's name while it runs; must be new for every run. Default: a new id. */
  readonly workerId?: string;
  /** How long this process may be silent before others take its sagas over. Longer survives longer stalls, but delays a takeover. Default 8 s. */
  readonly lease?: Duration;
  /** How often to look for work when nothing was heard. Default 1 s; at most a third of the lease. */
  readonly poll?: Duration;
  /** How many sagas this process runs at once; more wait in the store. Default 1000. */
  readonly concurrency?: number;
  /** A saga that has to wait longer than this is given back to the store meanwhile. Default 1 s. */
  readonly keep?: Duration;
  /** How long an attempt that was told to stop may take to do so; then it is abandoned. Default 1 s. */
  readonly grace?: Duration;
  /**
   * Called when a saga gave up and a person must look, after that is durable, by the process that found it: for a pager or a
   * ticket. Once each time a saga is `failed`; not at all when the process dies in that moment, so that the list of failed
   * sagas and the gauge `potter_sagas_failed` are what to rely on. What it throws is logged.
   */
  readonly onAttention?: (saga: SagaView) => unknown;
  /** In [0, 1): spreads retries. Default Math.random. */
  readonly random?: () => number;
}

/** How to start a saga. */
export interface StartOptions<Tx = unknown> {
  /**
   * Makes the start repeatable: the same id, definition and input start one saga. Up to 200 characters without spaces and `/`;
   * `::` is for the ids of sagas within sagas. Default: a new id.
   */
  readonly sagaId?: string;
  /** Default: the saga's id. */
  readonly correlationId?: string;
  /** 0 (default) to 9: of the sagas that wait to be taken up, the higher go first; where a definition has limits with keys, the higher of a key. */
  readonly priority?: number;
  /** Starts the saga when, and only when, this commits. Some process takes it up then. */
  readonly transaction?: Tx;
}

/** A saga that was accepted: durable, or as durable as the caller's transaction. */
export interface StartedSaga {
  readonly sagaId: string;
  readonly status: SagaStatus;
  /** False when the same start was accepted before. */
  readonly created: boolean;
}

/**
 * Runs sagas. One engine a process; any number of processes on one store share the work.
 * Every method that takes a saga's id throws PotterError `SAGA_NOT_FOUND` when there is none.
 */
export interface SagaEngine<Tx = unknown> extends SagaOperations, AsyncDisposable {
  /**
   * Accepts a saga. When this engine runs and has room it begins at once, otherwise any process that can takes it up.
   * @throws PotterError `SAGA_DEFINITION_UNKNOWN` for a definition this engine was not given, `SAGA_ALREADY_EXISTS` when
   * the id belongs to a saga of another definition or input, `SERIALIZATION_FAILED` for an input without JSON form,
   * `DATABASE_UNAVAILABLE` when the store could not be reached within the lease: then it is not known whether it started.
   */
  start<Input>(
    definition: SagaDefinition<Input, Tx>,
    input: NoInfer<Input>,
    options?: StartOptions<Tx>,
  ): Promise<StartedSaga>;

  /** The saga as it is now. */
  get(sagaId: string): Promise<SagaView>;
  /** Every attempt, in the order they started. */
  history(sagaId: string): Promise<SagaHistory>;
  /**
   * The journal after `after` (default: all of it), then live, by whichever process it is written. Ends when the saga is
   * settled, has taken in what it was told before this was called, and all of it was read; or when `signal` fires.
   */
  events(
    sagaId: string,
    options?: { readonly after?: bigint; readonly signal?: AbortSignal },
  ): AsyncIterable<JournalEntry>;
  /**
   * The saga once it is completed, compensated, failed or abandoned. Whoever tells it something (undo, resume, edit) and
   * waits then sees what came of that. @throws PotterError `ABORTED` when `signal` fires before.
   */
  settled(sagaId: string, options?: { readonly signal?: AbortSignal }): Promise<SagaView>;
  /** The definition drawn, with this saga's path marked. @throws PotterError `SAGA_DEFINITION_UNKNOWN`. */
  diagram(sagaId: string, options?: DiagramOptions): Promise<string>;
  /**
   * Sagas by what claims keep of them, in the order of their ids; with `runnable: false` those that wait for a process with
   * their definition, which this one does not have.
   */
  list(
    filter?: Omit<SagaFilter, 'unknownTo'> & { readonly runnable?: false },
    page?: Partial<DirectoryPage>,
  ): Promise<readonly SagaListing[]>;

  /**
   * Begins to take up work; resolves when the store knows this worker, or when the engine was stopped meanwhile. Without it the
   * engine only starts and shows sagas.
   */
  run(): Promise<void>;
  /**
   * Stops taking up work, lets running attempts finish for up to `timeout` (default 10 s), then gives every saga back, so
   * that other processes go on at once. Undoing is never told to stop.
   */
  stop(options?: { readonly timeout?: Duration }): Promise<void>;
}
