import type { Event } from '../events/event.ts';
import type { EventBatch, SubscribeOptions } from '../event-store/subscription.ts';
import { exponentialBackoff, nextDelayMs } from '../foundation/backoff.ts';
import type { Logger } from '../foundation/logger.ts';
import { sleep } from '../foundation/sleep.ts';
import type { PostgresPool } from './client.ts';
import { EVENTS_CHANNEL } from './event-store-append-sql.ts';
import { openWriters, PositionBarrier } from './event-store-barrier.ts';
import { isConnectionLoss } from './connection-loss.ts';
import type { EventStoreMetrics } from './event-store-metrics.ts';
import { Conditions, type PostgresEventReader, selectEvents } from './event-store-read.ts';
import type { EventRow } from './event-store-row.ts';
import { WakeUp } from './event-store-wake-up.ts';
import { listen, type Listening } from './notifications.ts';

/** What a subscription needs of its store. */
export interface SubscriptionContext {
  readonly pool: PostgresPool;
  readonly reader: PostgresEventReader;
  readonly metrics: EventStoreMetrics;
  readonly logger: Logger;
  /** How often it looks when no notification comes, in milliseconds. */
  readonly pollIntervalMs: number;
  /** After how long a wait for open transactions is reported, in milliseconds. */
  readonly reportBlockedAfterMs: number;
}

const DEFAULT_BATCH_SIZE = 500;
/** While a position is missing the subscription looks often at first; most gaps are writers a moment from commit. */
const BARRIER_DELAYS = exponentialBackoff({
  maxAttempts: Number.POSITIVE_INFINITY,
  initialDelay: 1,
  factor: 1.5,
  maxDelay: 50,
  jitter: 'none',
});
const RECONNECT = exponentialBackoff({
  maxAttempts: Number.POSITIVE_INFINITY,
  maxDelay: '5s',
  jitter: 'equal',
});

/** Walks the positions of one store. Not for two loops at once. */
export class PostgresSubscription {
  readonly #context: SubscriptionContext;
  readonly #options: SubscribeOptions;
  readonly #batchSize: number;
  readonly #wakeUp = new WakeUp();
  /** Everything up to here was delivered, did not match, or can never appear. */
  #position: bigint;
  /** Everything up to here is decided, gaps included. */
  #proven: bigint;
  /** The last batch said that nothing more was there. */
  #atEnd = false;

  constructor(context: SubscriptionContext, options: SubscribeOptions) {
    this.#context = context;
    this.#options = options;
    this.#batchSize = options.batchSize ?? DEFAULT_BATCH_SIZE;
    this.#position = options.after ?? 0n;
    this.#proven = this.#position;
  }

  async *batches<E extends Event>(): AsyncGenerator<EventBatch<E>> {
    const { signal } = this.#options;
    let listening: Listening | undefined;
    let lostAt: { readonly since: number; attempt: number } | undefined;
    try {
      while (!isAborted(signal)) {
        try {
          listening ??= await this.#listen();
          const batch = await this.#next<E>();
          lostAt = undefined;
          if (batch !== undefined) yield batch;
        } catch (error) {
          if (!isConnectionLoss(error) || isAborted(signal)) throw error;
          lostAt ??= { since: performance.now(), attempt: 0 };
          lostAt.attempt += 1;
          await this.#afterLoss(error, lostAt);
        }
      }
    } catch (error) {
      if (!isAborted(signal)) throw error;
    } finally {
      await listening?.close();
    }
  }

  /** The next batch; undefined after a wait, or when the position has moved by proof alone. */
  async #next<E extends Event>(): Promise<EventBatch<E> | undefined> {
    if (this.#position < this.#proven) return this.#provenBatch();
    // Rings until now were for what the next statement sees.
    this.#wakeUp.hush();
    const page = await this.#tail();
    if (page.length === 0) return this.#end();
    const gap = page.findIndex(
      (position, index) => position !== this.#position + BigInt(index + 1),
    );
    if (gap === 0) {
      await this.#passGap();
      return undefined;
    }
    const last = page.at(gap < 0 ? -1 : gap - 1) ?? this.#position;
    const full = page.length === this.#batchSize;
    // Far behind: what is decided by now needs no look at every position, and no look for gaps.
    if (full) await this.#proveWithoutWait();
    return this.#deliver(await this.#rows(last), last, gap < 0 && !full);
  }

  async #provenBatch<E extends Event>(): Promise<EventBatch<E>> {
    const rows = await this.#rows(this.#proven);
    const end = rows.length === this.#batchSize ? rows.at(-1) : undefined;
    return this.#deliver(rows, end === undefined ? this.#proven : BigInt(end.position), false);
  }

  /** Positions that follow, without a filter: gaps are only seen in what is complete. */
  async #tail(): Promise<readonly bigint[]> {
    const { rows } = await this.#context.pool.query<{ positions: string }>({
      name: 'potter_next_positions',
      text: `select coalesce(array_agg(position order by position), '{}')::text as positions from
        (select position from potter.events where position > $1::bigint order by position limit $2::int) page`,
      values: [this.#position.toString(), this.#batchSize],
    });
    const text = (rows[0]?.positions ?? '{}').slice(1, -1);
    return text === '' ? [] : text.split(',').map(BigInt);
  }

  /** What is wanted of the positions up to `last`. */
  #rows(last: bigint): Promise<readonly EventRow[]> {
    const where = new Conditions();
    where.add('position >', this.#position.toString(), 'bigint');
    where.add('position <=', last.toString(), 'bigint');
    this.#context.reader.addFilter(where, this.#options.filter ?? {});
    return selectEvents(this.#context.pool, where, 'events.position asc', this.#batchSize);
  }

  #deliver<E extends Event>(
    rows: readonly EventRow[],
    position: bigint,
    caughtUp: boolean,
  ): EventBatch<E> {
    this.#position = position;
    if (this.#proven < position) this.#proven = position;
    this.#atEnd = caughtUp;
    const events = this.#context.reader.recall<E>(rows, this.#options.filter?.types);
    const [oldest] = events;
    if (oldest !== undefined) {
      const lagMs = Date.now() - oldest.recordedAt.getTime();
      this.#context.metrics.deliverySeconds.record(Math.max(0, lagMs) / 1_000);
    }
    return { events, position, caughtUp };
  }

  async #end<E extends Event>(): Promise<EventBatch<E> | undefined> {
    if (!this.#atEnd) return this.#deliver([], this.#position, true);
    await this.#wakeUp.wait(this.#context.pollIntervalMs, this.#options.signal);
    return undefined;
  }

  async #proveWithoutWait(): Promise<void> {
    const barrier = await PositionBarrier.begin(this.#context.pool);
    if (barrier.passed) this.#proven = barrier.position;
  }

  /** The next position is missing: waits until it appears, or until nobody is left who could make it appear. */
  async #passGap(): Promise<void> {
    const { pool, metrics } = this.#context;
    const { signal } = this.#options;
    const startedAt = performance.now();
    let reportAtMs = this.#context.reportBlockedAfterMs;
    const barrier = await PositionBarrier.begin(pool);
    for (let attempt = 1; !barrier.passed && !isAborted(signal); attempt += 1) {
      const elapsedMs = performance.now() - startedAt;
      if (elapsedMs >= reportAtMs) {
        await this.#reportBlocked(elapsedMs);
        reportAtMs = elapsedMs * 2;
      }
      const delayMs = nextDelayMs(BARRIER_DELAYS, { attempt, elapsedMs });
      await this.#wakeUp.wait(delayMs ?? 0, signal);
      if (await barrier.check(pool, this.#position + 1n)) break;
    }
    if (barrier.passed) this.#proven = barrier.position;
    metrics.barrierSeconds.record((performance.now() - startedAt) / 1_000);
  }

  async #reportBlocked(elapsedMs: number): Promise<void> {
    const blockedBy = await openWriters(this.#context.pool);
    this.#context.logger.warn('delivery of events waits for open transactions', {
      position: this.#position,
      waitedMs: Math.round(elapsedMs),
      blockedBy,
    });
  }

  #listen(): Promise<Listening> {
    const ring = (): void => this.#wakeUp.ring();
    const { pool, logger } = this.#context;
    return listen(pool, EVENTS_CHANNEL, { onNotification: ring, onReconnect: ring }, { logger });
  }

  async #afterLoss(
    error: unknown,
    lost: { readonly since: number; readonly attempt: number },
  ): Promise<void> {
    this.#context.logger.warn('a subscription lost the database and tries again', { error });
    const elapsedMs = performance.now() - lost.since;
    const delayMs = nextDelayMs(RECONNECT, { attempt: lost.attempt, elapsedMs });
    await sleep(delayMs ?? 0, { signal: this.#options.signal });
  }
}

/** A function, because the signal fires behind the compiler's back. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted ?? false;
}
