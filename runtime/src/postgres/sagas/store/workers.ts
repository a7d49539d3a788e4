import type { PostgresClient } from '../../connection/client.ts';
import { SAGA_CHANNEL } from './write-sql.ts';

/** @returns false when the worker's lease had run out. */
export async function extendLease(
  client: PostgresClient,
  workerId: string,
  ttlMs: number,
): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'potter_saga_heartbeat',
    text: `
      INSERT INTO potter.saga_workers AS w (worker_id, expires_at)
      VALUES ($1, clock_timestamp() + $2::float8 * interval '1 millisecond')
      ON CONFLICT (worker_id) DO UPDATE SET expires_at = excluded.expires_at
        WHERE w.expires_at > clock_timestamp()`,
    values: [workerId, ttlMs],
  });
  return rowCount === 1;
}

/** The row stays, as over for ever, for as long as the worker's sagas may have to be found by it. */
export async function endLease(client: PostgresClient, workerId: string): Promise<void> {
  await client.query({
    text: `
      WITH ended AS (
        UPDATE potter.saga_workers SET expires_at = '-infinity' WHERE worker_id = $1 RETURNING worker_id
      )
      SELECT pg_notify('${SAGA_CHANNEL}', 'work') FROM ended`,
    values: [workerId],
  });
}

/**
 * Forgets workers that are gone for an hour and own nothing. No statement that still takes them for alive lives that
 * long, so nothing can become theirs afterwards.
 */
export async function forgetWorkers(client: PostgresClient): Promise<void> {
  await client.query({
    text: `
      DELETE FROM potter.saga_workers w
      WHERE w.expires_at < clock_timestamp() - interval '1 hour'
        AND NOT EXISTS (SELECT FROM potter.sagas s WHERE s.owner = w.worker_id)`,
  });
}
