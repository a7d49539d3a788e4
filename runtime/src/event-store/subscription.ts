import type { Event } from '../events/event.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { EventFilter } from './read.ts';

/** Where a subscription starts and what it carries. */
export interface SubscribeOptions {
  /** The last position that was handled: a stored checkpoint. Default 0n, the beginning. */
  readonly after?: bigint | undefined;
  readonly filter?: EventFilter | undefined;
  /** Most stored events in a batch; default 500. */
  readonly batchSize?: number | undefined;
  /** Ends the subscription; the loop over it ends without an error. */
  readonly signal?: AbortSignal | undefined;
}

/** What a subscription delivers at once. */
export interface EventBatch<E extends Event = Event> {
  /** In the order of positions. Empty when only the position moved, or when the end was reached. */
  readonly events: readonly RecordedEvent<E>[];
  /** Everything up to here was delivered or can never appear: the checkpoint to store. */
  readonly position: bigint;
  /** Nothing more was there when the batch was made. */
  readonly caughtUp: boolean;
}

/**
 * Delivers every committed event after a position exactly once and in order, as long as each next subscription starts
 * after the position its predecessor handled. It never steps over an event whose transaction is still open.
 */
export interface EventSubscriptions {
  /** Goes on until its signal fires or the loop is left. */
  subscribe<E extends Event = Event>(options?: SubscribeOptions): AsyncIterable<EventBatch<E>>;
}
