import type {
  ClaimedSaga,
  ClaimOutcome,
  ClaimRequest,
  StoredSaga,
} from '../../../sagas/saga-store.ts';
import type { PostgresClient } from '../../connection/client.ts';
import { admitSagas } from './admit.ts';
import { READ_CTE, type ReadRow } from './read-claimed.ts';
import { claimedSagaOf } from './row.ts';
import type { Place } from './work-turns.ts';

const LIMITED_DUE = `
    EXISTS (SELECT FROM runnable r CROSS JOIN LATERAL (
      SELECT FROM potter.sagas s WHERE s.definition = r.name AND s.definition_version = r.version AND r.limited
        AND s.due_at <= to_timestamp($4::float8 / 1000) LIMIT 1) found) AS limited_due,`;

/**
 * One statement a poll: extends the worker's lease, takes over what is due, reads it, and looks for messages of sagas
 * the worker owns already. Rows that another transaction holds are passed over.
 *
 * A lease that ran out is judged by the time the statement arrived, which is before its snapshot: what it sees as over
 * was over, for a heartbeat cannot bring it back. Abandoned sagas come first, then the ones that are due the longest,
 * of one moment those with the lower ids, which tell the order of starts. Each definition is asked for by itself, so that
 * sagas which this process cannot run are never read. What this very worker owns without knowing it counts as abandoned,
 * whatever its time.
 * @param limits whether some definitions have limits: of those only what was abandoned is claimed here, and whether more is
 * due is told. A statement of its own, so that others pay nothing for it.
 */
const claimSql = (limits: boolean): string => `
  WITH alive AS MATERIALIZED (
    UPDATE potter.saga_workers SET expires_at = clock_timestamp() + $2::float8 * interval '1 millisecond'
    WHERE worker_id = $1 AND expires_at > clock_timestamp()
    RETURNING worker_id
  ),
  runnable AS MATERIALIZED (
    SELECT * FROM ${limits ? 'unnest($5::text[], $6::integer[], $8::boolean[]) AS d(name, version, limited)' : 'unnest($5::text[], $6::integer[]) AS d(name, version)'}
    WHERE EXISTS (SELECT FROM alive)
  ),
  abandoned AS MATERIALIZED (
    SELECT s.saga_id FROM potter.sagas s
    WHERE s.owner = ANY(ARRAY(SELECT w.worker_id FROM potter.saga_workers w WHERE w.expires_at <= statement_timestamp())
        || CASE WHEN $7::text[] IS NULL THEN '{}'::text[] ELSE ARRAY[$1] END)
      AND (s.owner <> $1 OR s.saga_id <> ALL($7::text[]))
      AND (s.owner = $1 OR s.wake_at <= to_timestamp($4::float8 / 1000) OR s.inbox_last > s.inbox_seen)
      AND (s.definition, s.definition_version) IN (SELECT name, version FROM runnable)
    LIMIT $3 FOR UPDATE SKIP LOCKED
  ),
  due AS MATERIALIZED (
    SELECT found.saga_id FROM runnable r CROSS JOIN LATERAL (
      SELECT s.saga_id, s.due_at FROM potter.sagas s
      WHERE s.definition = r.name AND s.definition_version = r.version${limits ? ' AND NOT r.limited' : ''}
        AND s.due_at <= to_timestamp($4::float8 / 1000)
      ORDER BY s.due_at, s.saga_id LIMIT $3 FOR UPDATE SKIP LOCKED
    ) found
    ORDER BY found.due_at, found.saga_id LIMIT greatest(0, $3 - (SELECT count(*) FROM abandoned))
  ),
  claimed AS (
    UPDATE potter.sagas s SET owner = $1, token = s.token + 1, due_at = NULL
    FROM (SELECT saga_id FROM abandoned UNION ALL SELECT saga_id FROM due) x
    WHERE s.saga_id = x.saga_id
    RETURNING s.*
  ),
  ${READ_CTE}
  SELECT EXISTS (SELECT FROM alive) AS alive, w.workers, w.before,${limits ? LIMITED_DUE : ''}
    ARRAY(SELECT s.saga_id FROM potter.sagas s WHERE s.owner = $1 AND s.inbox_last > s.inbox_seen) AS messages,
    read.*
  FROM (
    SELECT count(*)::integer AS workers, (count(*) FILTER (WHERE worker_id < $1))::integer AS before
    FROM potter.saga_workers WHERE expires_at > statement_timestamp()
  ) w LEFT JOIN read ON true`;

const CLAIM_SQL = claimSql(false);
const CLAIM_WITH_LIMITS_SQL = claimSql(true);

/** Without a claimed saga there is one row, and its saga is null. */
interface ClaimRow extends ReadRow, Place {
  readonly alive: boolean;
  readonly messages: readonly string[];
  readonly limited_due?: boolean;
}

/** Reads a saga afresh. */
type Load = (sagaId: string) => Promise<StoredSaga | undefined>;

/** @param seen told where the worker stands among all. */
export async function claimSagas(
  client: PostgresClient,
  request: ClaimRequest,
  load: Load,
  seen: (place: Place) => void,
): Promise<ClaimOutcome> {
  const { workerId, ttlMs, limit, now, known, definitions } = request;
  const hasLimits = definitions.some(({ limits }) => limits !== undefined);
  const { rows } = await client.query<ClaimRow>({
    name: hasLimits ? 'potter_saga_claim_limits' : 'potter_saga_claim',
    text: hasLimits ? CLAIM_WITH_LIMITS_SQL : CLAIM_SQL,
    values: [
      workerId,
      ttlMs,
      limit,
      now.getTime(),
      definitions.map(({ name }) => name),
      definitions.map(({ version }) => version),
      known,
      ...(hasLimits ? [definitions.map(({ limits }) => limits !== undefined)] : []),
    ],
  });
  const [first] = rows;
  if (first === undefined || !first.alive) return { kind: 'lease-lost' };
  seen({ workers: first.workers, before: first.before });
  const sagas = await readClaimed(rows, workerId, load);
  const { messages } = first;
  const room = limit - sagas.length;
  if (first.limited_due !== true || room <= 0) return { kind: 'claimed', sagas, messages };
  const admitted = await admitSagas(client, { ...request, limit: room });
  const { lookAgainInMs } = admitted;
  return {
    kind: 'claimed',
    sagas: [...sagas, ...(await readClaimed(admitted.rows, workerId, load))],
    messages,
    ...(lookAgainInMs !== null && { lookAgainInMs }),
  };
}

async function readClaimed(
  rows: readonly ReadRow[],
  workerId: string,
  load: Load,
): Promise<readonly ClaimedSaga[]> {
  const sagas: ClaimedSaga[] = [];
  for (const row of rows) {
    if ((row.saga_id as string | null) === null) continue;
    const claimed =
      row.tail_seq === row.last_seq
        ? claimedSagaOf(row, workerId)
        : await refreshed(row, workerId, load);
    if (claimed !== undefined) sagas.push(claimed);
  }
  return sagas;
}

/** The row was written while the statement waited to lock it, and its journal is newer than what the statement sees. */
async function refreshed(
  row: ReadRow,
  workerId: string,
  load: Load,
): Promise<ClaimedSaga | undefined> {
  const stored = await load(row.saga_id);
  return stored && { ...claimedSagaOf({ ...row, tail: null }, workerId), ...stored };
}
