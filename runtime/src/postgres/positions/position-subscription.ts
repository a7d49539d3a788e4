import { exponentialBackoff, nextDelayMs } from '../../foundation/backoff.ts';
import type { Logger } from '../../foundation/logger.ts';
import { sleep } from '../../foundation/sleep.ts';
import type { FeedBatch, FeedOptions } from '../../projections/feed.ts';
import type { PostgresPool } from '../connection/client.ts';
import { isConnectionLoss } from '../connection/connection-loss.ts';
import { listen, type Listening } from '../connection/notifications.ts';
import { openWriters, PositionBarrier, type PositionedTable } from './position-barrier.ts';
import { WakeUp } from '../../foundation/wake-up.ts';

/** Part of a positioned table, in order. */
export interface PositionPage<Item> {
  /** What the reader makes of the rows: fewer or more than there were. */
  readonly items: readonly Item[];
  readonly rows: number;
  /** Position of the last row; undefined when there was none. */
  readonly last: bigint | undefined;
}

/** What a subscription needs of what it reads. */
export interface PositionSource<Item> {
  readonly pool: PostgresPool;
  readonly log: PositionedTable;
  /** Where commits are told of. */
  readonly channels: readonly string[];
  readonly logger: Logger;
  /** How often it looks when no notification comes, in milliseconds. */
  readonly pollIntervalMs: number;
  /** After how long a wait for open transactions is reported, in milliseconds. */
  readonly reportBlockedAfterMs: number;
  /** At most `limit` of the rows wanted with positions after `after`, up to `upTo`. */
  page(after: bigint, upTo: bigint, limit: number): Promise<PositionPage<Item>>;
  /** Told how long it had to wait for open transactions, in milliseconds. */
  readonly waited?: (ms: number) => void;
  /** Asks writers to notify for a while; called again every {@link WATCH_RENEWAL_MS}. Left out: they always do. */
  readonly watch?: () => Promise<void>;
}

/** Writers are asked this often to go on notifying. */
export const WATCH_RENEWAL_MS = 10_000;

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

/** Walks the positions of one table. Not for two loops at once. */
export class PositionSubscription<Item> {
  readonly #source: PositionSource<Item>;
  readonly #signal: AbortSignal | undefined;
  readonly #batchSize: number;
  readonly #wakeUp = new WakeUp();
  /** Everything up to here was delivered, did not match, or can never appear. */
  #position: bigint;
  /** Everything up to here is decided, gaps included. */
  #proven: bigint;
  /** The last batch said that nothing more was there. */
  #atEnd = false;
  #watchedAt = Number.NEGATIVE_INFINITY;

  constructor(source: PositionSource<Item>, options: FeedOptions) {
    this.#source = source;
    this.#signal = options.signal;
    this.#batchSize = options.batchSize ?? DEFAULT_BATCH_SIZE;
    this.#position = options.after ?? 0n;
    this.#proven = this.#position;
  }

  async *batches(): AsyncGenerator<FeedBatch<Item>, void, undefined> {
    let listening: readonly Listening[] | undefined;
    let lostAt: { readonly since: number; attempt: number } | undefined;
    try {
      while (!isAborted(this.#signal)) {
        try {
          listening ??= await this.#listen();
          await this.#watch();
          const batch = await this.#next();
          lostAt = undefined;
          if (batch !== undefined) yield batch;
        } catch (error) {
          if (!isConnectionLoss(error) || isAborted(this.#signal)) throw error;
          lostAt ??= { since: performance.now(), attempt: 0 };
          lostAt.attempt += 1;
          await this.#afterLoss(error, lostAt);
        }
      }
    } catch (error) {
      if (!isAborted(this.#signal)) throw error;
    } finally {
      await hangUp(listening ?? []);
    }
  }

  /** The next batch; undefined after a wait, or when the position has moved by proof alone. */
  async #next(): Promise<FeedBatch<Item> | undefined> {
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
    const { items } = await this.#source.page(this.#position, last, this.#batchSize);
    return this.#deliver(items, last, gap < 0 && !full);
  }

  async #provenBatch(): Promise<FeedBatch<Item>> {
    const page = await this.#source.page(this.#position, this.#proven, this.#batchSize);
    const end = page.rows === this.#batchSize ? page.last : undefined;
    return this.#deliver(page.items, end ?? this.#proven, false);
  }

  /** Positions that follow, without a filter: gaps are only seen in what is complete. */
  async #tail(): Promise<readonly bigint[]> {
    const { label, table } = this.#source.log;
    const { rows } = await this.#source.pool.query<{ positions: string }>({
      name: `potter_next_positions_${label}`,
      text: `select coalesce(array_agg(position order by position), '{}')::text as positions from
        (select position from ${table} where position > $1::bigint order by position limit $2::int) page`,
      values: [this.#position.toString(), this.#batchSize],
    });
    const text = (rows[0]?.positions ?? '{}').slice(1, -1);
    return text === '' ? [] : text.split(',').map(BigInt);
  }

  #deliver(items: readonly Item[], position: bigint, caughtUp: boolean): FeedBatch<Item> {
    this.#position = position;
    if (this.#proven < position) this.#proven = position;
    this.#atEnd = caughtUp;
    return { items, position, caughtUp };
  }

  async #end(): Promise<FeedBatch<Item> | undefined> {
    if (!this.#atEnd) return this.#deliver([], this.#position, true);
    await this.#wakeUp.wait(this.#source.pollIntervalMs, this.#signal);
    return undefined;
  }

  async #proveWithoutWait(): Promise<void> {
    const barrier = await PositionBarrier.begin(this.#source.pool, this.#source.log);
    if (barrier.passed) this.#proven = barrier.position;
  }

  /** The next position is missing: waits until it appears, or until nobody is left who could make it appear. */
  async #passGap(): Promise<void> {
    const { pool, log, waited, reportBlockedAfterMs } = this.#source;
    const startedAt = performance.now();
    let reportAtMs = reportBlockedAfterMs;
    const barrier = await PositionBarrier.begin(pool, log);
    for (let attempt = 1; !barrier.passed && !isAborted(this.#signal); attempt += 1) {
      const elapsedMs = performance.now() - startedAt;
      if (elapsedMs >= reportAtMs) {
        await this.#reportBlocked(elapsedMs);
        reportAtMs = elapsedMs * 2;
      }
      const delayMs = nextDelayMs(BARRIER_DELAYS, { attempt, elapsedMs });
      await this.#wakeUp.wait(delayMs ?? 0, this.#signal);
      if (await barrier.check(pool, this.#position + 1n)) break;
    }
    if (barrier.passed) this.#proven = barrier.position;
    waited?.(performance.now() - startedAt);
  }

  async #reportBlocked(elapsedMs: number): Promise<void> {
    const { pool, log, logger } = this.#source;
    const blockedBy = await openWriters(pool, log);
    logger.warn(`delivery of ${log.label} waits for open transactions`, {
      position: this.#position,
      waitedMs: Math.round(elapsedMs),
      blockedBy,
    });
  }

  async #watch(): Promise<void> {
    const { watch } = this.#source;
    if (watch === undefined || performance.now() - this.#watchedAt < WATCH_RENEWAL_MS) return;
    await watch();
    this.#watchedAt = performance.now();
  }

  async #listen(): Promise<readonly Listening[]> {
    const ring = (): void => this.#wakeUp.ring();
    const { pool, channels, logger } = this.#source;
    const listening: Listening[] = [];
    try {
      for (const channel of channels) {
        const listener = { onNotification: ring, onReconnect: ring };
        listening.push(await listen(pool, channel, listener, { logger }));
      }
    } catch (error) {
      await hangUp(listening);
      throw error;
    }
    return listening;
  }

  async #afterLoss(
    error: unknown,
    lost: { readonly since: number; readonly attempt: number },
  ): Promise<void> {
    this.#source.logger.warn('a subscription lost the database and tries again', { error });
    const elapsedMs = performance.now() - lost.since;
    const delayMs = nextDelayMs(RECONNECT, { attempt: lost.attempt, elapsedMs });
    await sleep(delayMs ?? 0, { signal: this.#signal });
  }
}

async function hangUp(listening: readonly Listening[]): Promise<void> {
  await Promise.all(listening.map((open) => open.close()));
}

/** A function, because the signal fires behind the compiler's back. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted ?? false;
}
