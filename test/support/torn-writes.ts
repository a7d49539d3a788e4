import type { PostgresPool } from '../../runtime/src/postgres/connection/client.ts';

/**
 * What was written in part, in one look at the database: a saga's row that its journal, its inbox or its snapshot belies, and
 * an effect of a transactional step without its result, or the other way round.
 */
export async function tornWrites(pool: PostgresPool): Promise<readonly string[]> {
  const { rows } = await pool.query<{ what: string }>({
    text: `
      WITH events AS (
        SELECT j.saga_id, e.event FROM potter.saga_journal j CROSS JOIN jsonb_array_elements(j.events::jsonb) AS e(event)
      ),
      results AS (
        SELECT saga_id || '/' || (event->>'path') || CASE event->>'direction' WHEN 'forward' THEN '/do' ELSE '/undo' END AS key
        FROM events WHERE event->>'type' = 'AttemptCompleted' AND event->>'path' IN ('note', 'send')
      ),
      written AS (
        SELECT key FROM effects WHERE split_part(key, '/', 2) IN ('note', 'send') AND key LIKE '%/do'
      )
      SELECT saga_id || ': its journal has another length' AS what FROM potter.sagas s
      WHERE last_seq <> (SELECT count(*) FROM events e WHERE e.saga_id = s.saga_id)
      UNION ALL
      SELECT saga_id || ': its inbox has another length' FROM potter.sagas s
      WHERE inbox_last <> (SELECT count(*) FROM potter.saga_inbox i WHERE i.saga_id = s.saga_id) OR inbox_seen > inbox_last
      UNION ALL
      SELECT s.saga_id || ': its snapshot is ahead' FROM potter.sagas s JOIN potter.saga_snapshots p USING (saga_id)
      WHERE p.seq > s.last_seq
      UNION ALL
      SELECT saga_id || ': its row and its journal do not agree whether it is over' FROM potter.sagas s
      WHERE (finished_at IS NOT NULL) <> EXISTS (SELECT FROM events e WHERE e.saga_id = s.saga_id
        AND e.event->>'type' IN ('SagaCompleted', 'SagaCompensated'))
      UNION ALL
      SELECT saga_id || ': sleeps without a time to wake' FROM potter.sagas s
      WHERE owner IS NULL AND finished_at IS NULL AND due_at IS NULL AND current_step = 'cool-off'
      UNION ALL
      SELECT key || ': is done without a result' FROM written WHERE key NOT IN (SELECT key FROM results)
      UNION ALL
      SELECT key || ': has a result and was not done' FROM results WHERE key LIKE '%/do' AND key NOT IN (SELECT key FROM written)`,
  });
  return rows.map(({ what }) => what);
}
