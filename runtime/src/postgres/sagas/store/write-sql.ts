import { UNIT_SEPARATOR } from './write-values.ts';

/** Where sagas tell each other's processes of work, messages and commits. */
export const SAGA_CHANNEL = 'potter_sagas';

/** Says that there is work, to all workers alike; the number of the transaction says whose turn it is to look first. */
export const WORK = "'work ' || pg_current_xact_id()";

/** The columns of a commit as the statement takes it, in their order. */
export const COMMITS = [
  ['saga_id', 'text'],
  ['worker_id', 'text'],
  ['token', 'bigint'],
  ['expected_seq', 'bigint'],
  ['new_seq', 'bigint'],
  ['inbox_seen', 'bigint'],
  ['status', 'text'],
  ['current_step', 'text'],
  ['error', 'text'],
  ['wake_ms', 'float8'],
  ['finished_ms', 'float8'],
  ['accepts', 'smallint'],
  ['updated_ms', 'float8'],
  ['release', 'boolean'],
  ['snapshot', 'text'],
  ['events', 'json'],
] as const;

/** The columns of a new saga. */
export const SAGAS = [
  ['saga_id', 'text'],
  ['worker_id', 'text'],
  ['definition', 'text'],
  ['definition_version', 'integer'],
  ['correlation_id', 'text'],
  ['fingerprint', 'text'],
  ['new_seq', 'bigint'],
  ['status', 'text'],
  ['current_step', 'text'],
  ['error', 'text'],
  ['wake_ms', 'float8'],
  ['finished_ms', 'float8'],
  ['accepts', 'smallint'],
  ['started_ms', 'float8'],
  ['events', 'json'],
] as const;

type Columns = typeof COMMITS | typeof SAGAS;

/**
 * Rows out of parameters that are one array a column. `OFFSET 0` hides the arrays from the planner: a plan that does not
 * depend on them is made once, and planning costs more than running it.
 */
function relation(columns: Columns, first: number): string {
  const names = columns.map(([name]) => name);
  const arrays = columns.map(
    ([name, type], index) => `${arrayOf(`$${first + index}`, type)} AS ${name}`,
  );
  return `(SELECT ${arrays.join(', ')} OFFSET 0) p,
      unnest(${names.map((name) => `p.${name}`).join(', ')}) AS x (${names.join(', ')})`;
}

/** JSON goes without quotes: nearly every second character of it would need a backslash. */
function arrayOf(parameter: string, type: string): string {
  return type === 'json'
    ? `string_to_array(${parameter}::text, chr(${UNIT_SEPARATOR.charCodeAt(0)}))`
    : `${parameter}::${type}[]`;
}

export const time = (ms: string): string => `to_timestamp(${ms} / 1000)`;

/** Workers whose lease is good by the database's clock, not by the transaction's beginning. Looked up once a statement. */
export const ALIVE =
  '(SELECT worker_id FROM potter.saga_workers WHERE expires_at > clock_timestamp())';

/** Where commits are told of while somebody reads the journals of all sagas. */
export const SAGA_FEED_CHANNEL = 'potter_saga_feed';

/** What a statement has to do; each form is a statement of its own, for what it does not do costs too. */
export interface WriteForm {
  readonly commits: boolean;
  readonly creates: boolean;
  readonly snapshots: boolean;
}

const COMMIT_CTE = `
  committed AS (
    UPDATE potter.sagas s SET
      status = x.status, current_step = x.current_step, error = x.error,
      wake_at = ${time('x.wake_ms')}, finished_at = ${time('x.finished_ms')}, accepts = x.accepts,
      updated_at = coalesce(${time('x.updated_ms')}, s.updated_at),
      last_seq = x.new_seq, inbox_seen = x.inbox_seen,
      owner = CASE WHEN x.release THEN NULL ELSE s.owner END,
      due_at = CASE WHEN x.release THEN ${time('x.wake_ms')} END
    FROM ${relation(COMMITS, 1)}
    WHERE s.saga_id = x.saga_id AND s.owner IS NOT DISTINCT FROM x.worker_id AND s.token = x.token
      AND s.last_seq = x.expected_seq AND s.inbox_last <= x.inbox_seen AND x.worker_id IN ${ALIVE}
    RETURNING s.saga_id, x.expected_seq, x.new_seq, x.events, x.snapshot, s.watched_until
  )`;

const createCtes = (first: number): string => `
  n AS MATERIALIZED (
    SELECT x.*, coalesce(x.worker_id IN ${ALIVE}, false) AS owned FROM ${relation(SAGAS, first)}
  ),
  created AS (
    INSERT INTO potter.sagas (saga_id, definition, definition_version, correlation_id, fingerprint, status,
      current_step, error, wake_at, started_at, updated_at, finished_at, accepts, owner, token, last_seq, due_at)
    SELECT saga_id, definition, definition_version, correlation_id, fingerprint, status,
      current_step, error, ${time('wake_ms')}, ${time('started_ms')}, ${time('started_ms')},
      ${time('finished_ms')}, accepts, CASE WHEN owned THEN worker_id END,
      CASE WHEN worker_id IS NULL THEN 0 ELSE 1 END, new_seq, CASE WHEN NOT owned THEN ${time('wake_ms')} END
    FROM n
    ON CONFLICT (saga_id) DO NOTHING
    RETURNING saga_id, owner
  )`;

const COMMIT_JOURNAL =
  'SELECT saga_id, new_seq, events FROM committed WHERE new_seq > expected_seq';
const CREATE_JOURNAL = 'SELECT n.saga_id, n.new_seq, n.events FROM created JOIN n USING (saga_id)';

const only = (condition: boolean, sql: string): readonly string[] => (condition ? [sql] : []);

/** Whether somebody reads the journals of all sagas. Not correlated: asked once a statement. */
export const WATCHED: string =
  '(SELECT watched_until > clock_timestamp() FROM potter.saga_feed) AS watched';

const SNAPSHOT_CTE = `
  snapshots AS (
    INSERT INTO potter.saga_snapshots (saga_id, seq, state)
    SELECT saga_id, new_seq, snapshot FROM committed WHERE snapshot IS NOT NULL
    ON CONFLICT (saga_id) DO UPDATE SET seq = excluded.seq, state = excluded.state
  )`;

/**
 * Everything that runs sagas write, as one statement: any number of commits and of new sagas. Each stands or falls by
 * itself; the answer is one row: how many were written and, when that is not `$n`, the number asked for, which; and the
 * number of the transaction, which says how many others there were since the last one.
 *
 * Journal and inbox are checked in the WHERE of the UPDATE: a commit that had to wait for another writer of its row is
 * checked again against what that one left. Its lease may run out during that wait; then its token says whether somebody
 * took the saga over. The owner is compared in a form that no index serves, lest statistics of a quiet hour, when nothing
 * was owned, make the planner read all sagas of the owner for each commit.
 */
export function writeSql({ commits, creates, snapshots }: WriteForm): string {
  const parameters = (commits ? COMMITS.length : 0) + (creates ? SAGAS.length : 0);
  const journal = [...only(commits, COMMIT_JOURNAL), ...only(creates, CREATE_JOURNAL)];
  const ctes = [
    ...only(commits, COMMIT_CTE),
    ...only(creates, createCtes(commits ? 1 + COMMITS.length : 1)),
    `journal AS (INSERT INTO potter.saga_journal (saga_id, seq, events) ${journal.join(' UNION ALL ')})`,
    ...only(snapshots, SNAPSHOT_CTE),
  ];
  const written = [
    ...only(
      commits,
      `SELECT saga_id, CASE WHEN watched_until > clock_timestamp()
        THEN pg_notify('${SAGA_CHANNEL}', 'journal ' || saga_id) END AS told FROM committed`,
    ),
    ...only(
      creates,
      `SELECT saga_id, CASE WHEN owner IS NULL THEN pg_notify('${SAGA_CHANNEL}', ${WORK}) END AS told FROM created`,
    ),
  ];
  return `WITH ${ctes.join(',')}
    SELECT count(*)::text AS written, count(told) AS told, ${WATCHED}, pg_current_xact_id()::text AS transaction,
      CASE WHEN count(*) < $${parameters + 1}::int THEN json_agg(saga_id)::text END AS saga_ids
    FROM (${written.join(' UNION ALL ')}) w`;
}
