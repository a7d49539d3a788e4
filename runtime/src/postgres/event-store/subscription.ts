import type { Event } from '../../events/event.ts';
import type { RecordedEvent } from '../../events/recorded-event.ts';
import type { EventBatch, SubscribeOptions } from '../../event-store/subscription.ts';
import type { Logger } from '../../foundation/logger.ts';
import type { PostgresPool } from '../connection/client.ts';
import { Conditions } from '../connection/conditions.ts';
import { EVENTS_CHANNEL } from './append-sql.ts';
import type { EventStoreMetrics } from './metrics.ts';
import { type PostgresEventReader, selectEvents } from './read.ts';
import type { PositionedTable } from '../positions/position-barrier.ts';
import { type PositionPage, PositionSubscription } from '../positions/position-subscription.ts';

/** The events in the order of their positions. */
export const EVENT_LOG: PositionedTable = {
  label: 'events',
  table: 'potter.events',
  sequence: 'potter.events_position_seq',
};

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

/** Every event that the filter asks for, in the order of positions, until the signal fires. */
export async function* subscribeToEvents<E extends Event>(
  context: SubscriptionContext,
  { filter = {}, ...options }: SubscribeOptions,
): AsyncGenerator<EventBatch<E>> {
  const { pool, reader, metrics, logger, pollIntervalMs, reportBlockedAfterMs } = context;
  const page = async (
    after: bigint,
    upTo: bigint,
    limit: number,
  ): Promise<PositionPage<RecordedEvent<E>>> => {
    const where = new Conditions();
    where.add('position >', after.toString(), 'bigint');
    where.add('position <=', upTo.toString(), 'bigint');
    reader.addFilter(where, filter);
    const rows = await selectEvents(pool, where, 'events.position asc', limit);
    const last = rows.at(-1);
    return {
      items: reader.recall<E>(rows, filter.types),
      rows: rows.length,
      last: last === undefined ? undefined : BigInt(last.position),
    };
  };
  const subscription = new PositionSubscription(
    {
      pool,
      log: EVENT_LOG,
      channels: [EVENTS_CHANNEL],
      logger,
      pollIntervalMs,
      reportBlockedAfterMs,
      page,
      waited: (ms) => metrics.barrierSeconds.record(ms / 1_000),
    },
    options,
  );
  for await (const { items: events, position, caughtUp } of subscription.batches()) {
    const [oldest] = events;
    if (oldest !== undefined) {
      const lagMs = Date.now() - oldest.recordedAt.getTime();
      metrics.deliverySeconds.record(Math.max(0, lagMs) / 1_000);
    }
    yield { events, position, caughtUp };
  }
}
