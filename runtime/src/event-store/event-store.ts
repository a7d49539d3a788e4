import type { Event, NewEvent } from '../events/event.ts';
import type { StreamId } from '../events/stream-id.ts';
import type { AppendOptions, AppendRequest, AppendResult, StreamAppendResult } from './append.ts';
import type { ExpectedVersion } from './expected-version.ts';
import type { EventRead, ReadOptions, ReadStreamOptions } from './read.ts';
import type { EventSubscriptions } from './subscription.ts';

/**
 * Streams of events, and all of them in one order.
 * @typeParam Tx the transaction of a caller that an append can take part in; `never` for a store without any.
 */
export interface EventStore<Tx = never> extends EventSubscriptions {
  /**
   * Appends to one or several streams, all or nothing. When every id of the request is in its stream already, nothing is
   * written and the events of that time are the result, whatever was expected.
   * @throws ConcurrencyConflictError `CONCURRENCY_CONFLICT` when a stream is not as expected.
   * @throws PotterError `EVENT_ID_CONFLICT` when only some of the ids were appended before, or to another stream.
   * @throws PotterError `INVALID_ARGUMENT`, `SERIALIZATION_FAILED` for a request that cannot be stored.
   */
  append<E extends Event>(
    request: AppendRequest<E>,
    options?: AppendOptions<Tx>,
  ): Promise<AppendResult<E>>;

  /** {@link append} for one stream. `expected` defaults to `any`. */
  appendToStream<E extends Event>(
    stream: StreamId,
    events: readonly NewEvent<E>[],
    options?: AppendOptions<Tx> & { readonly expected?: ExpectedVersion },
  ): Promise<StreamAppendResult<E>>;

  /**
   * Makes other writers of a stream wait until the transaction ends, so that what is read from now on is still true when
   * it is appended to. A stream without events cannot be locked: of those who create it one wins.
   */
  lockStream(stream: StreamId, options: { readonly transaction: Tx }): Promise<void>;

  /** The events of one stream by version; nothing for a stream that does not exist. */
  readStream<E extends Event = Event>(
    stream: StreamId,
    options?: ReadStreamOptions<Tx>,
  ): EventRead<E>;

  /**
   * Events of the whole store by position. What is committed while the read goes on may be seen or not: to miss nothing,
   * subscribe.
   */
  read<E extends Event = Event>(options?: ReadOptions): EventRead<E>;
}
