import { PotterError } from '../../errors/potter-error.ts';
import type {
  AppendOptions,
  AppendRequest,
  AppendResult,
  StreamAppendResult,
} from '../../event-store/append.ts';
import { ConcurrencyConflictError } from '../../event-store/concurrency-conflict-error.ts';
import type { EventStore } from '../../event-store/event-store.ts';
import type { ExpectedVersion } from '../../event-store/expected-version.ts';
import { prepareAppend, type PreparedAppend } from '../../event-store/prepare-append.ts';
import {
  eventRead,
  type EventRead,
  type ReadOptions,
  type ReadStreamOptions,
} from '../../event-store/read.ts';
import type { EventBatch, SubscribeOptions } from '../../event-store/subscription.ts';
import type { Event, NewEvent } from '../../events/event.ts';
import type { StreamId } from '../../events/stream-id.ts';
import { noUpcasters, type UpcasterChain } from '../../events/upcaster-chain.ts';
import { type Duration, durationMs } from '../../foundation/duration.ts';
import { jsonCodec, type JsonCodec } from '../../foundation/json.ts';
import { type Logger, silentLogger } from '../../foundation/logger.ts';
import { correlationReader } from '../../observability/correlation.ts';
import { type Meter, noopMeter } from '../../observability/meter.ts';
import { noopTracer, type Span, type Tracer } from '../../observability/tracer.ts';
import type { PostgresPool, PostgresTransaction } from '../connection/client.ts';
import { CommitNotifier } from '../connection/commit-notifier.ts';
import { translatePostgresError } from '../connection/errors.ts';
import { EVENTS_CHANNEL } from './append-sql.ts';
import { lockStreamSql } from './append-sql.ts';
import { type Appended, PostgresAppender } from './appender.ts';
import type { GroupCommitOptions } from '../connection/group-commit.ts';
import { GroupedAppender } from './grouped-appender.ts';
import type { InlineProjection } from './inline-projection.ts';
import { type EventStoreMetrics, eventStoreMetrics } from './metrics.ts';
import { PostgresEventReader } from './read.ts';
import { EVENT_LOG, subscribeToEvents, type SubscriptionContext } from './subscription.ts';
import { type OpenWriter, openWriters } from '../positions/position-barrier.ts';

/** Options of {@link PostgresEventStore}. */
export interface PostgresEventStoreOptions {
  /** A `pg.Pool`. Stays the caller's: `close` does not end it. Appends use two connections, subscriptions one to listen. */
  readonly pool: PostgresPool;
  /** Default: every event as it was stored. */
  readonly upcasters?: UpcasterChain;
  /** Default: JSON that also carries bigint and Date. */
  readonly codec?: JsonCodec;
  /** Read models written in the transaction of the append. Default none. */
  readonly inlineProjections?: readonly InlineProjection[];
  /** How concurrent appends share a statement; `false`: each has its own. Default on. */
  readonly groupCommit?: GroupCommitOptions | false;
  /**
   * How often a subscription looks when no notification comes. Default 1 s. Longer makes less load at idle and longer
   * delays after a lost notification.
   */
  readonly pollInterval?: Duration;
  /** A wait for open transactions is logged, with who holds them, after this long. Default 1 s. */
  readonly reportBlockedAfter?: Duration;
  readonly logger?: Logger;
  readonly tracer?: Tracer;
  readonly meter?: Meter;
}

/**
 * The event store on PostgreSQL 14 or newer; its tables are the migration component `event-store`. Whoever reads or
 * subscribes by type, category or tag, and has many events, adds the component `event-store-filters`: an index for each.
 * One instance a process: group commit collects the appends of one instance.
 */
export class PostgresEventStore implements EventStore<PostgresTransaction>, AsyncDisposable {
  readonly #pool: PostgresPool;
  readonly #codec: JsonCodec;
  readonly #upcasters: UpcasterChain;
  readonly #tracer: Tracer;
  readonly #correlation = correlationReader();
  readonly #metrics: EventStoreMetrics;
  readonly #appender: PostgresAppender;
  readonly #grouped: GroupedAppender | undefined;
  readonly #notifier: CommitNotifier;
  readonly #reader: PostgresEventReader;
  readonly #subscriptions: SubscriptionContext;
  readonly #closing = new AbortController();
  /** Appends that have no answer yet, and who waits for the last of them. */
  #appending = 0;
  #quiet: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: PostgresEventStoreOptions) {
    const { pool, logger = silentLogger, groupCommit = {} } = options;
    this.#pool = pool;
    this.#codec = options.codec ?? jsonCodec;
    this.#upcasters = options.upcasters ?? noUpcasters;
    this.#tracer = options.tracer ?? noopTracer;
    this.#metrics = eventStoreMetrics(options.meter ?? noopMeter);
    this.#notifier = new CommitNotifier(pool, EVENTS_CHANNEL, logger);
    this.#appender = new PostgresAppender(pool, this.#codec, options.inlineProjections ?? []);
    const committed = (): void => this.#notifier.notify();
    this.#grouped =
      groupCommit === false
        ? undefined
        : new GroupedAppender(
            { pool, alone: this.#appender, metrics: this.#metrics, committed },
            groupCommit,
          );
    this.#reader = new PostgresEventReader(this.#codec, this.#upcasters);
    this.#subscriptions = {
      pool,
      reader: this.#reader,
      metrics: this.#metrics,
      logger,
      pollIntervalMs: durationMs(options.pollInterval ?? '1s'),
      reportBlockedAfterMs: durationMs(options.reportBlockedAfter ?? '1s'),
    };
  }

  async append<E extends Event>(
    request: AppendRequest<E>,
    options: AppendOptions<PostgresTransaction> = {},
  ): Promise<AppendResult<E>> {
    const streams = await this.#append(request, options);
    const lastPosition = streams.reduce(
      (last, stream) => (stream.lastPosition > last ? stream.lastPosition : last),
      0n,
    );
    // The events went in as E and come out with what the store added.
    return { streams: streams as readonly StreamAppendResult<E>[], lastPosition };
  }

  async appendToStream<E extends Event>(
    stream: StreamId,
    events: readonly NewEvent<E>[],
    options: AppendOptions<PostgresTransaction> & { readonly expected?: ExpectedVersion } = {},
  ): Promise<StreamAppendResult<E>> {
    const write = { stream, expected: options.expected ?? 'any', events };
    const [result] = await this.#append({ writes: [write] }, options);
    return result as StreamAppendResult<E>;
  }

  async lockStream(
    stream: StreamId,
    { transaction }: { readonly transaction: PostgresTransaction },
  ): Promise<void> {
    try {
      await transaction.query({
        name: 'potter_lock_stream',
        text: lockStreamSql,
        values: [stream],
      });
    } catch (error) {
      throw translatePostgresError(error);
    }
  }

  readStream<E extends Event = Event>(
    stream: StreamId,
    options: ReadStreamOptions<PostgresTransaction> = {},
  ): EventRead<E> {
    const { transaction = this.#pool, ...rest } = options;
    return eventRead(() => this.#reader.stream<E>(transaction, stream, rest));
  }

  read<E extends Event = Event>(options: ReadOptions = {}): EventRead<E> {
    return eventRead(() => this.#reader.all<E>(this.#pool, options));
  }

  async *subscribe<E extends Event = Event>(
    options: SubscribeOptions = {},
  ): AsyncGenerator<EventBatch<E>> {
    const ends = [this.#closing.signal, ...(options.signal === undefined ? [] : [options.signal])];
    const signal = AbortSignal.any(ends);
    yield* subscribeToEvents<E>(this.#subscriptions, { ...options, signal });
  }

  /** Open transactions that hold up the delivery of what was appended after them, oldest first. */
  async blockedBy(): Promise<readonly OpenWriter[]> {
    try {
      return await openWriters(this.#pool, EVENT_LOG);
    } catch (error) {
      throw translatePostgresError(error);
    }
  }

  /**
   * For adapters that read events together with something of their own in one statement.
   * @internal
   */
  get internals(): { readonly pool: PostgresPool; readonly reader: PostgresEventReader } {
    return { pool: this.#pool, reader: this.#reader };
  }

  /** Refuses new appends (`CLOSED`), waits for those under way, ends subscriptions. The pool stays open. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    if (this.#appending > 0) {
      await new Promise<void>((resolve) => {
        this.#quiet = resolve;
      });
    }
    await this.#notifier.drained();
  }

  async #append(
    request: AppendRequest,
    options: AppendOptions<PostgresTransaction>,
  ): Promise<Appended> {
    if (this.#closing.signal.aborted) {
      throw new PotterError('CLOSED', { message: 'The event store was closed.' });
    }
    this.#appending += 1;
    try {
      const attributes = { 'potter.streams': request.writes.length };
      return await this.#tracer.span('event-store append', { kind: 'client', attributes }, (span) =>
        this.#measured(request, options, span),
      );
    } finally {
      this.#appending -= 1;
      if (this.#appending === 0) this.#quiet?.();
    }
  }

  async #measured(
    request: AppendRequest,
    { metadata, transaction }: AppendOptions<PostgresTransaction>,
    span: Span,
  ): Promise<Appended> {
    const append = prepareAppend(request, {
      codec: this.#codec,
      upcasters: this.#upcasters,
      metadata,
      correlation: this.#correlation(),
      trace: span.context(),
    });
    const startedAt = performance.now();
    let outcome = 'failed';
    try {
      const result = await this.#dispatch(append, transaction);
      outcome = 'appended';
      for (const { alreadyAppended, events } of result)
        if (!alreadyAppended) this.#metrics.appendedEvents.add(events.length);
      return result;
    } catch (error) {
      if (error instanceof ConcurrencyConflictError) {
        outcome = 'conflict';
        this.#metrics.conflicts.add(1);
      }
      throw translatePostgresError(error);
    } finally {
      this.#metrics.appendSeconds.record((performance.now() - startedAt) / 1_000, { outcome });
    }
  }

  #dispatch(
    append: PreparedAppend,
    transaction: PostgresTransaction | undefined,
  ): Promise<Appended> {
    if (transaction !== undefined) return this.#appender.appendIn(transaction, append);
    const [write] = append.writes;
    if (
      this.#grouped !== undefined &&
      write !== undefined &&
      !this.#appender.needsTransaction(append)
    ) {
      return this.#grouped.append(append, write);
    }
    return this.#alone(append);
  }

  async #alone(append: PreparedAppend): Promise<Appended> {
    const result = await this.#appender.append(append);
    this.#notifier.notify();
    return result;
  }
}
