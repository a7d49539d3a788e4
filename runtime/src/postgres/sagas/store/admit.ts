import type { ClaimRequest } from '../../../sagas/saga-store.ts';
import type { PostgresClient } from '../../connection/client.ts';
import { READ_CTE, type ReadRow } from './read-claimed.ts';

/** Keys that one look goes through at most, of one definition version. The next look begins where it ended. */
const MOST_KEYS = 1_000;
/** Sagas that one look makes ready at most, of one definition version. */
const MOST_WOKEN = 1_000;

/** The key of those that have none; see the column. */
const NO_KEY = '=';

/** The next key under which a saga may be claimed: one step over the index, whatever waits under the key before. */
const nextKey = (of: string, after: string): string => `
  SELECT s.limit_key FROM potter.sagas s
  WHERE s.definition = ${of}.name AND s.definition_version = ${of}.version AND s.limit_rank IS NOT NULL
    AND s.due_at = '-infinity' AND s.limit_key > ${after}
  ORDER BY s.limit_key LIMIT 1`;

/**
 * Claims sagas of definitions with limits, as one statement that looks at as many rows as it could claim, not at all that
 * wait.
 *
 * Who claims sagas of a definition holds its row in saga_limits, and changes it when it claimed some. A row that another one
 * holds is passed over, and so is one that was changed since this statement's snapshot, which shows at its turn: only who
 * sees all earlier claims may count. What is given back meanwhile makes room, and is counted the next time.
 *
 * Sagas that slept are made ready first, for the next look: so what is ready stands together by key, and a key is found
 * by a step over the index. Keys are gone through from the one after the last that was served, which makes them take turns.
 */
const ADMIT_SQL = `
  WITH RECURSIVE asked AS MATERIALIZED (
    SELECT a.*, a.per_ms * interval '1 millisecond' AS per
    FROM unnest($4::text[], $5::integer[], $6::integer[], $7::integer[], $8::integer[], $9::float8[])
      AS a(name, version, concurrency, per_key, rate, per_ms)
    WHERE EXISTS (SELECT FROM potter.saga_workers w WHERE w.worker_id = $1 AND w.expires_at > clock_timestamp())
  ),
  new_gates AS (
    INSERT INTO potter.saga_limits (definition)
    SELECT DISTINCT a.name FROM asked a WHERE NOT EXISTS (SELECT FROM potter.saga_limits g WHERE g.definition = a.name)
    ON CONFLICT DO NOTHING
  ),
  woken AS (
    UPDATE potter.sagas s SET due_at = '-infinity', limit_key = coalesce(s.limit_key, '${NO_KEY}'), limit_rank = '-infinity'
    FROM asked a CROSS JOIN LATERAL (
      SELECT d.saga_id FROM potter.sagas d
      WHERE d.definition = a.name AND d.definition_version = a.version
        AND d.due_at > '-infinity' AND d.due_at <= to_timestamp($3::float8 / 1000)
      ORDER BY d.due_at LIMIT ${MOST_WOKEN} FOR UPDATE SKIP LOCKED
    ) found
    WHERE s.saga_id = found.saga_id
    RETURNING s.saga_id
  ),
  gate AS MATERIALIZED (
    SELECT g.definition, g.turn FROM potter.saga_limits g
    WHERE g.definition IN (SELECT name FROM asked) FOR UPDATE SKIP LOCKED
  ),
  open AS MATERIALIZED (
    SELECT a.*, s.served,
      (SELECT count(*) FROM potter.sagas r
       WHERE r.definition = a.name AND r.limit_rank IS NOT NULL AND r.owner IS NOT NULL) AS running,
      CASE WHEN a.rate IS NOT NULL THEN (SELECT count(*) FROM potter.saga_starts b
       WHERE b.definition = a.name AND b.at > clock_timestamp() - a.per) END AS begun
    FROM gate g JOIN potter.saga_limits s ON s.definition = g.definition AND s.turn = g.turn
    JOIN asked a ON a.name = g.definition
  ),
  visits AS (
    SELECT o.name, o.version, o.served, w.wrapped, k.limit_key, 1 AS n
    FROM open o CROSS JOIN LATERAL (VALUES (false, o.served), (true, '')) w(wrapped, low)
    CROSS JOIN LATERAL (${nextKey('o', 'w.low')}) k
    WHERE NOT w.wrapped OR k.limit_key <= o.served
    UNION ALL
    SELECT v.name, v.version, v.served, v.wrapped, k.limit_key, v.n + 1
    FROM visits v CROSS JOIN LATERAL (${nextKey('v', 'v.limit_key')}) k
    WHERE v.n < ${MOST_KEYS} AND (NOT v.wrapped OR k.limit_key <= v.served)
  ),
  candidates AS (
    SELECT o.name, o.concurrency, o.per_key, o.rate, o.running, o.begun, v.wrapped, v.n, v.limit_key,
      c.saga_id, c.token = 0 AS fresh,
      key.running + row_number() OVER (PARTITION BY o.name, v.limit_key ORDER BY c.limit_rank, c.saga_id) AS place
    FROM visits v JOIN open o ON o.name = v.name AND o.version = v.version
    CROSS JOIN LATERAL (
      SELECT count(*) AS running FROM potter.sagas r
      WHERE r.definition = o.name AND r.limit_key = v.limit_key AND r.limit_rank IS NOT NULL AND r.owner IS NOT NULL
    ) key
    CROSS JOIN LATERAL (
      SELECT s.saga_id, s.token, s.limit_rank FROM potter.sagas s
      WHERE s.definition = v.name AND s.definition_version = v.version AND s.limit_key = v.limit_key
        AND s.limit_rank IS NOT NULL AND s.due_at = '-infinity'
      ORDER BY s.limit_rank, s.saga_id
      LIMIT greatest(0, least($2::bigint, coalesce(o.concurrency - o.running, $2), coalesce(o.per_key - key.running, $2)))
    ) c
  ),
  in_turn AS (
    SELECT c.*, sum(c.fresh::integer) OVER (
        PARTITION BY c.name ORDER BY c.place, c.wrapped, c.n, c.saga_id ROWS UNBOUNDED PRECEDING) AS starts
    FROM candidates c WHERE c.per_key IS NULL OR c.place <= c.per_key
  ),
  allowed AS MATERIALIZED (
    SELECT t.*, t.fresh AND t.begun + t.starts > t.rate AS too_soon FROM in_turn t
  ),
  chosen AS MATERIALIZED (
    SELECT * FROM (
      SELECT a.*, row_number() OVER (PARTITION BY a.name ORDER BY a.place, a.wrapped, a.n, a.saga_id) AS no
      FROM allowed a WHERE a.too_soon IS NOT TRUE
    ) c
    WHERE c.concurrency IS NULL OR c.running + c.no <= c.concurrency
    ORDER BY c.no LIMIT $2::bigint
  ),
  claimed AS (
    UPDATE potter.sagas s SET owner = $1, token = s.token + 1, due_at = NULL, limit_rank = '-infinity'
    FROM chosen c WHERE s.saga_id = c.saga_id AND s.owner IS NULL AND s.due_at IS NOT NULL
    RETURNING s.*
  ),
  starts AS (
    INSERT INTO potter.saga_starts (definition, at)
    SELECT c.name, clock_timestamp() FROM chosen c WHERE c.fresh AND c.rate IS NOT NULL
  ),
  forgotten AS (
    DELETE FROM potter.saga_starts b USING open o WHERE b.definition = o.name AND b.at < clock_timestamp() - 2 * o.per
  ),
  turned AS (
    UPDATE potter.saga_limits g SET turn = g.turn + 1, served = coalesce(
        (SELECT c.limit_key FROM chosen c WHERE c.name = g.definition ORDER BY c.wrapped DESC, c.n DESC LIMIT 1),
        (SELECT v.limit_key FROM visits v WHERE v.name = g.definition ORDER BY v.wrapped DESC, v.n DESC LIMIT 1))
    WHERE g.definition IN (SELECT name FROM chosen UNION SELECT name FROM visits WHERE n = ${MOST_KEYS})
  ),
  ${READ_CTE}
  SELECT CASE
      WHEN EXISTS (SELECT FROM woken) OR EXISTS (SELECT FROM chosen)
        OR EXISTS (SELECT FROM asked a WHERE a.name NOT IN (SELECT name FROM open)) THEN 0
      ELSE (
        SELECT min(extract(epoch FROM soonest.at + o.per - clock_timestamp()) * 1000)::float8
        FROM open o CROSS JOIN LATERAL (
          SELECT b.at FROM potter.saga_starts b WHERE b.definition = o.name ORDER BY b.at DESC OFFSET o.rate - 1 LIMIT 1
        ) soonest
        WHERE o.name IN (SELECT name FROM allowed WHERE too_soon)
      ) END AS look_again_in_ms,
    read.*
  FROM (SELECT) one LEFT JOIN read ON true`;

interface AdmitRow extends ReadRow {
  readonly look_again_in_ms: number | null;
}

/** What limits let through, and when it would be more. */
export async function admitSagas(
  client: PostgresClient,
  { workerId, limit, now, definitions }: ClaimRequest,
): Promise<{ readonly rows: readonly ReadRow[]; readonly lookAgainInMs: number | null }> {
  const asked = definitions.flatMap(({ name, version, limits }) =>
    limits ? [{ name, version, limits }] : [],
  );
  const { rows } = await client.query<AdmitRow>({
    name: 'potter_saga_admit',
    text: ADMIT_SQL,
    values: [
      workerId,
      limit,
      now.getTime(),
      asked.map(({ name }) => name),
      asked.map(({ version }) => version),
      asked.map(({ limits }) => limits.concurrency),
      asked.map(({ limits }) => limits.perKey),
      asked.map(({ limits }) => limits.rate?.count ?? null),
      asked.map(({ limits }) => limits.rate?.perMs ?? null),
    ],
  });
  return { rows, lookAgainInMs: rows[0]?.look_again_in_ms ?? null };
}
