import { type Duration, durationMs } from '../../foundation/duration.ts';
import { type Logger, silentLogger } from '../../foundation/logger.ts';
import type { FeedBatch, FeedOptions } from '../../projections/feed.ts';
import type { SagaFeed, SagaFeedItem } from '../../sagas/saga-feed.ts';
import type { PostgresPool } from '../connection/client.ts';
import { translatePostgresError } from '../connection/errors.ts';
import { targetOfPool } from '../connection/pool-target.ts';
import type { PositionedTable } from '../positions/position-barrier.ts';
import {
  type PositionPage,
  PositionSubscription,
  WATCH_RENEWAL_MS,
} from '../positions/position-subscription.ts';
import { decodeRows } from './store/events.ts';
import { SAGA_CHANNEL, SAGA_FEED_CHANNEL } from './store/write-sql.ts';

/** Options of {@link PostgresSagaFeed}. */
export interface PostgresSagaFeedOptions {
  /** Stays the caller's. A subscription takes a connection for each look, and shares the one that listens. */
  readonly pool: PostgresPool;
  /** How often a subscription looks when no notification comes. Default 3 s: notifications get lost only with processes. */
  readonly pollInterval?: Duration;
  /** A wait for open transactions is logged, with who holds them, after this long. Default 1 s. */
  readonly reportBlockedAfter?: Duration;
  readonly logger?: Logger;
}

const SAGA_LOG: PositionedTable = {
  label: 'saga_journal',
  table: 'potter.saga_journal',
  sequence: 'potter.saga_journal_position_seq',
};

const PAGE_SQL = `
  SELECT position::text, saga_id, seq::text, events FROM potter.saga_journal
  WHERE position > $1::bigint AND position <= $2::bigint ORDER BY saga_journal.position LIMIT $3::int`;

interface Row {
  readonly position: string;
  readonly saga_id: string;
  readonly seq: string;
  readonly events: string;
}

/**
 * The commits of all sagas in the order of their positions, from the component `sagas`. While somebody subscribes,
 * processes that run sagas notify after their commits; while nobody does, no commit costs a notification. The mark that
 * says so is a row that subscribers renew and that every writing statement reads.
 */
export class PostgresSagaFeed implements SagaFeed {
  readonly #options: PostgresSagaFeedOptions;

  constructor(options: PostgresSagaFeedOptions) {
    this.#options = options;
  }

  subscribe(options: FeedOptions = {}): AsyncGenerator<FeedBatch<SagaFeedItem>, void, undefined> {
    const { pool, logger = silentLogger, pollInterval, reportBlockedAfter } = this.#options;
    const source = {
      pool,
      log: SAGA_LOG,
      // A saga that is started in somebody's transaction tells of work at its commit, and of nothing else.
      channels: [SAGA_FEED_CHANNEL, SAGA_CHANNEL],
      logger,
      pollIntervalMs: durationMs(pollInterval ?? '3s'),
      reportBlockedAfterMs: durationMs(reportBlockedAfter ?? '1s'),
      page: (after: bigint, upTo: bigint, limit: number) => this.#page(after, upTo, limit),
      watch: () => this.#watch(),
    };
    return new PositionSubscription(source, options).batches();
  }

  async head(): Promise<bigint> {
    const { pool } = this.#options;
    try {
      const { rows } = await pool.query<{ head: string }>({
        name: 'potter_saga_feed_head',
        text: 'SELECT coalesce(max(position), 0)::text AS head FROM potter.saga_journal',
      });
      return BigInt(rows[0]?.head ?? 0);
    } catch (error) {
      throw translatePostgresError(error, targetOfPool(pool));
    }
  }

  async #page(after: bigint, upTo: bigint, limit: number): Promise<PositionPage<SagaFeedItem>> {
    const { rows } = await this.#options.pool.query<Row>({
      name: 'potter_saga_feed_page',
      text: PAGE_SQL,
      values: [after.toString(), upTo.toString(), limit],
    });
    const items = rows.map((row) => ({
      position: BigInt(row.position),
      sagaId: row.saga_id,
      entries: decodeRows(`[${row.events}]`, BigInt(row.seq)),
    }));
    return { items, rows: rows.length, last: items.at(-1)?.position };
  }

  /** Longer than two renewals. */
  async #watch(): Promise<void> {
    await this.#options.pool.query({
      name: 'potter_saga_feed_watch',
      text: `UPDATE potter.saga_feed SET watched_until = clock_timestamp() + $1::float8 * interval '1 millisecond'`,
      values: [WATCH_RENEWAL_MS * 3],
    });
  }
}
