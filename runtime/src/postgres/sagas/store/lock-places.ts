import type { LockPlace } from '../../../sagas/saga-directory.ts';
import type { PostgresClient } from '../../connection/client.ts';

/** The first of a queue has the key. Queues are short, and only those of one saga are counted. */
const PLACES_SQL = `
  SELECT l.key, first.saga_id AS holder, before.ahead FROM potter.saga_locks l
  CROSS JOIN LATERAL (
    SELECT f.saga_id FROM potter.saga_locks f WHERE f.key = l.key ORDER BY f.position LIMIT 1
  ) first
  CROSS JOIN LATERAL (
    SELECT count(*)::integer AS ahead FROM potter.saga_locks b WHERE b.key = l.key AND b.position < l.position
  ) before
  WHERE l.saga_id = $1 AND before.ahead > 0 ORDER BY l.key COLLATE "C"`;

export async function readLockPlaces(
  client: PostgresClient,
  sagaId: string,
): Promise<readonly LockPlace[]> {
  const { rows } = await client.query<LockPlace>({
    name: 'potter_saga_lock_places',
    text: PLACES_SQL,
    values: [sagaId],
  });
  return rows.map(({ key, holder, ahead }) => ({ key, holder, ahead }));
}
