import type { PostgresClient } from '../../connection/client.ts';
import { AT_ONCE } from './row.ts';
import { SAGA_CHANNEL, WORK } from './write-sql.ts';

/** What a group of writes does to the queues of keys. */
export interface LockChanges {
  /** Sagas that queue up, with the keys of each. */
  readonly take: readonly { readonly sagaId: string; readonly keys: readonly string[] }[];
  /** Sagas that leave, with the keys of each. */
  readonly leave: readonly { readonly sagaId: string; readonly keys: readonly string[] }[];
}

/**
 * Holds the queues of these keys until the transaction ends. In one order by everybody, so nobody waits in a circle. A
 * transaction of a stricter isolation fails here, as the server says, when a queue has changed since it began.
 */
const HOLD_SQL = `
  INSERT INTO potter.saga_lock_keys (key) SELECT k FROM unnest($1::text[]) AS k
  ON CONFLICT (key) DO UPDATE SET key = excluded.key`;

/**
 * Changes the queues and tells whoever has come to the front of all its queues. A statement after the hold, so that it sees
 * all that others did to these queues. How many keys a saga still waits for is counted down in its own row, because its
 * other queues may be in other hands at this moment: whoever counts down to nothing tells it.
 */
const CHANGE_SQL = `
  WITH left_ AS (DELETE FROM potter.saga_locks WHERE saga_id = ANY($2::text[])),
  queued AS (
    INSERT INTO potter.saga_locks (key, saga_id) SELECT q.key, q.saga_id FROM unnest($3::text[], $4::text[]) AS q(key, saga_id)
    RETURNING key, position, saga_id
  ),
  fronts AS MATERIALIZED (
    SELECT k.key, before.saga_id AS before, after.saga_id AS after FROM unnest($1::text[]) AS k(key)
    LEFT JOIN LATERAL (
      SELECT l.saga_id FROM potter.saga_locks l WHERE l.key = k.key ORDER BY l.position LIMIT 1
    ) before ON true
    LEFT JOIN LATERAL (
      (SELECT l.saga_id, l.position FROM potter.saga_locks l
       WHERE l.key = k.key AND l.saga_id <> ALL($2::text[]) ORDER BY l.position LIMIT 1)
      UNION ALL (SELECT q.saga_id, q.position FROM queued q WHERE q.key = k.key)
      ORDER BY position LIMIT 1
    ) after ON true
  ),
  emptied AS (
    DELETE FROM potter.saga_lock_keys k USING fronts f WHERE k.key = f.key AND f.after IS NULL
  ),
  changed AS MATERIALIZED (
    SELECT c.saga_id, sum(c.wanted)::integer AS wanted, sum(c.got)::integer AS got FROM (
      SELECT q.saga_id, 1 AS wanted, 0 AS got FROM queued q
      UNION ALL SELECT f.after, 0, 1 FROM fronts f WHERE f.after IS DISTINCT FROM f.before AND f.after IS NOT NULL
    ) c GROUP BY c.saga_id
  ),
  held AS MATERIALIZED (
    SELECT s.saga_id FROM potter.sagas s WHERE s.saga_id IN (SELECT saga_id FROM changed) ORDER BY s.saga_id FOR UPDATE
  ),
  counted AS (
    UPDATE potter.sagas s SET
      locks_missing = CASE WHEN c.wanted > 0 THEN c.wanted ELSE s.locks_missing END - c.got,
      inbox_last = s.inbox_last + CASE WHEN CASE WHEN c.wanted > 0 THEN c.wanted ELSE s.locks_missing END = c.got THEN 1 ELSE 0 END,
      due_at = CASE WHEN CASE WHEN c.wanted > 0 THEN c.wanted ELSE s.locks_missing END = c.got AND s.owner IS NULL
        THEN ${AT_ONCE} ELSE s.due_at END
    FROM changed c JOIN held USING (saga_id) WHERE s.saga_id = c.saga_id
    RETURNING s.saga_id, s.owner, s.inbox_last, s.locks_missing
  ),
  granted AS (
    INSERT INTO potter.saga_inbox (saga_id, seq, message_id, kind, at)
    SELECT saga_id, inbox_last, gen_random_uuid()::text, 'locked', clock_timestamp() FROM counted WHERE locks_missing = 0
  )
  SELECT count(pg_notify('${SAGA_CHANNEL}', CASE WHEN owner IS NULL THEN ${WORK} ELSE 'message ' || saga_id END))
  FROM counted WHERE locks_missing = 0`;

/** Waits for the queues that a group of writes will change; the first thing in its transaction. */
export async function holdQueues(client: PostgresClient, changes: LockChanges): Promise<void> {
  await client.query({ name: 'potter_saga_lock_hold', text: HOLD_SQL, values: [keysOf(changes)] });
}

/** Makes those changes that were written, of those that were intended; the last thing but the commit. */
export async function changeQueues(
  client: PostgresClient,
  intended: LockChanges,
  changes: LockChanges,
): Promise<void> {
  const places = changes.take.flatMap(({ sagaId, keys }) => keys.map((key) => ({ sagaId, key })));
  await client.query({
    name: 'potter_saga_lock_change',
    text: CHANGE_SQL,
    values: [
      keysOf(intended),
      changes.leave.map(({ sagaId }) => sagaId),
      places.map(({ key }) => key),
      places.map(({ sagaId }) => sagaId),
    ],
  });
}

function keysOf({ take, leave }: LockChanges): readonly string[] {
  return [...new Set([...take, ...leave].flatMap(({ keys }) => keys))].sort();
}
