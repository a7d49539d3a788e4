import type { ClaimedSaga, ClaimOutcome, ClaimRequest, StoredSaga } from '../sagas/saga-store.ts';
import type { PostgresClient } from './client.ts';
import { claimedSagaOf, type SagaRow, selectInbox, selectSaga } from './saga-store-row.ts';

/**
 * One statement a poll: extends the worker's lease, takes over what is due, reads it, and looks for messages of sagas
 * the worker owns already. Rows that another transaction holds are passed over.
 *
 * A lease that ran out is judged by the time the statement arrived, which is before its snapshot: what it sees as over
 * was over, for a heartbeat cannot bring it back. Abandoned sagas come first, then the ones that are due the longest;
 * each definition is asked for by itself, so that sagas which this process cannot run are never read. What this very
 * worker owns without knowing it counts as abandoned.
 */
const CLAIM_SQL = `
  WITH alive AS MATERIALIZED (
    UPDATE potter.saga_workers SET expires_at = clock_timestamp() + $2::float8 * interval '1 millisecond'
    WHERE worker_id = $1 AND expires_at > clock_timestamp()
    RETURNING worker_id
  ),
  runnable AS MATERIALIZED (
    SELECT name, version FROM unnest($5::text[], $6::integer[]) AS d(name, version)
    WHERE EXISTS (SELECT FROM alive)
  ),
  abandoned AS MATERIALIZED (
    SELECT s.saga_id FROM potter.sagas s
    WHERE s.owner = ANY(ARRAY(SELECT w.worker_id FROM potter.saga_workers w WHERE w.expires_at <= statement_timestamp())
        || CASE WHEN $7::text[] IS NULL THEN '{}'::text[] ELSE ARRAY[$1] END)
      AND (s.owner <> $1 OR s.saga_id <> ALL($7::text[]))
      AND (s.wake_at <= to_timestamp($4::float8 / 1000) OR s.inbox_last > s.inbox_seen)
      AND (s.definition, s.definition_version) IN (SELECT name, version FROM runnable)
    LIMIT $3 FOR UPDATE SKIP LOCKED
  ),
  due AS MATERIALIZED (
    SELECT found.saga_id FROM runnable r CROSS JOIN LATERAL (
      SELECT s.saga_id, s.due_at FROM potter.sagas s
      WHERE s.definition = r.name AND s.definition_version = r.version
        AND s.due_at <= to_timestamp($4::float8 / 1000)
      ORDER BY s.due_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ) found
    ORDER BY found.due_at LIMIT greatest(0, $3 - (SELECT count(*) FROM abandoned))
  ),
  claimed AS (
    UPDATE potter.sagas s SET owner = $1, token = s.token + 1, due_at = NULL
    FROM (SELECT saga_id FROM abandoned UNION ALL SELECT saga_id FROM due) x
    WHERE s.saga_id = x.saga_id
    RETURNING s.*
  ),
  read AS (
    SELECT r.*, ${selectInbox('r.saga_id', 'r.inbox_seen::bigint')} AS inbox
    FROM (${selectSaga('claimed s')}) r
  )
  SELECT EXISTS (SELECT FROM alive) AS alive,
    ARRAY(SELECT s.saga_id FROM potter.sagas s WHERE s.owner = $1 AND s.inbox_last > s.inbox_seen) AS messages,
    read.*
  FROM (SELECT) one LEFT JOIN read ON true`;

/** Without a claimed saga there is one row, and its saga is null. */
interface ClaimRow extends SagaRow {
  readonly alive: boolean;
  readonly messages: readonly string[];
  readonly inbox: string | null;
}

/** @param load reads a saga afresh. */
export async function claimSagas(
  client: PostgresClient,
  request: ClaimRequest,
  load: (sagaId: string) => Promise<StoredSaga | undefined>,
): Promise<ClaimOutcome> {
  const { workerId, ttlMs, limit, now, known, definitions } = request;
  const { rows } = await client.query<ClaimRow>({
    name: 'potter_saga_claim',
    text: CLAIM_SQL,
    values: [
      workerId,
      ttlMs,
      limit,
      now.getTime(),
      definitions.map(({ name }) => name),
      definitions.map(({ version }) => version),
      known,
    ],
  });
  const [first] = rows;
  if (first === undefined || !first.alive) return { kind: 'lease-lost' };
  const sagas: ClaimedSaga[] = [];
  for (const row of rows) {
    if ((row.saga_id as string | null) === null) continue;
    const claimed =
      row.tail_seq === row.last_seq
        ? claimedSagaOf(row, workerId)
        : await refreshed(row, workerId, load);
    if (claimed !== undefined) sagas.push(claimed);
  }
  return { kind: 'claimed', sagas, messages: first.messages };
}

/** The row was written while the statement waited to lock it, and its journal is newer than what the statement sees. */
async function refreshed(
  row: ClaimRow,
  workerId: string,
  load: (sagaId: string) => Promise<StoredSaga | undefined>,
): Promise<ClaimedSaga | undefined> {
  const stored = await load(row.saga_id);
  return stored && { ...claimedSagaOf({ ...row, tail: null }, workerId), ...stored };
}
