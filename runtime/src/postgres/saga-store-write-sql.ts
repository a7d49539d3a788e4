import { msOf } from './saga-store-row.ts';

/** Where sagas tell each other's processes of work, messages and commits. */
export const SAGA_CHANNEL = 'potter_sagas';

const COMMITS = [
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

const SAGAS = [
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

/** One commit as the statement takes it: its columns by name. */
export type CommitColumns = Readonly<Record<(typeof COMMITS)[number][0], unknown>>;

/** One new saga as the statement takes it. */
export type SagaColumns = Readonly<Record<(typeof SAGAS)[number][0], unknown>>;

/** The arrays that {@link writeSql} takes apart again: those of commits, if any, then those of new sagas, if any. */
export function writeParameters(
  commits: readonly CommitColumns[],
  sagas: readonly SagaColumns[],
): unknown[] {
  return [
    ...(commits.length === 0 ? [] : COMMITS.map(([name, type]) => arrayText(commits, name, type))),
    ...(sagas.length === 0 ? [] : SAGAS.map(([name, type]) => arrayText(sagas, name, type))),
  ];
}

/** JSON text never contains it: control characters are escaped there. */
const UNIT_SEPARATOR = '\u001F';

function arrayOf(parameter: string, type: string): string {
  return type === 'json'
    ? `string_to_array(${parameter}::text, chr(${UNIT_SEPARATOR.charCodeAt(0)}))`
    : `${parameter}::${type}[]`;
}

/**
 * One column as text that {@link arrayOf} takes apart. The driver's own way takes several times as long, which was half
 * of the work of a commit here; JSON goes without quotes, for nearly every second character of it would need a backslash.
 */
function arrayText<Name extends string>(
  rows: readonly Readonly<Record<Name, unknown>>[],
  name: Name,
  type: string,
): string {
  if (type === 'json') return rows.map((row) => row[name]).join(UNIT_SEPARATOR);
  let text = '';
  for (const row of rows) {
    const value = row[name];
    const separator = text === '' ? '{' : ',';
    if (value === null || value === undefined) text += `${separator}NULL`;
    else if (type === 'text') text += `${separator}${quoted(String(value))}`;
    else text += `${separator}${String(value)}`;
  }
  return `${text}}`;
}

function quoted(value: string): string {
  return /["\\]/.test(value) ? `"${value.replaceAll(/["\\]/g, '\\$&')}"` : `"${value}"`;
}

/**
 * The arrays as rows. `OFFSET 0` hides them from the planner: a plan that does not depend on them is made once, and
 * planning costs more than running it.
 */
function relation(columns: readonly (readonly [string, string])[], firstParameter: number): string {
  const arrays = columns.map(
    ([name, type], index) => `${arrayOf(`$${firstParameter + index}`, type)} AS ${name}`,
  );
  const names = columns.map(([name]) => name);
  return `(SELECT ${arrays.join(', ')} OFFSET 0) p,
      unnest(${names.map((name) => `p.${name}`).join(', ')}) AS x (${names.join(', ')})`;
}

const time = (ms: string): string => `to_timestamp(${ms} / 1000)`;

/** A lease is good when the database's clock, not the transaction's beginning, says so. */
const isAlive = (worker: string): string => `EXISTS (SELECT FROM potter.saga_workers w
      WHERE w.worker_id = ${worker} AND w.expires_at > clock_timestamp())`;

/** Where commits are told of while somebody reads the journals of all sagas. */
export const SAGA_FEED_CHANNEL = 'potter_saga_feed';

/** What a statement has to do; each form is a statement of its own, for what it does not do costs too. */
export interface WriteForm {
  readonly commits: boolean;
  readonly creates: boolean;
  readonly snapshots: boolean;
  /**
   * In a transaction that also holds a step's own writes, with only COMMIT to come. Should it not come, because the
   * process was stopped in this very moment, the server ends the session, and with it the lock that keeps others from
   * taking the saga over.
   */
  readonly last: boolean;
}

const COMMIT_CTES = `
  c AS MATERIALIZED (SELECT x.* FROM ${relation(COMMITS, 1)}),
  committed AS (
    UPDATE potter.sagas s SET
      status = c.status, current_step = c.current_step, error = c.error,
      wake_at = ${time('c.wake_ms')}, finished_at = ${time('c.finished_ms')}, accepts = c.accepts,
      updated_at = coalesce(${time('c.updated_ms')}, s.updated_at),
      last_seq = c.new_seq, inbox_seen = c.inbox_seen,
      owner = CASE WHEN c.release THEN NULL ELSE s.owner END,
      due_at = CASE WHEN c.release THEN ${time('c.wake_ms')} END
    FROM c
    WHERE s.saga_id = c.saga_id AND s.owner IS NOT DISTINCT FROM c.worker_id AND s.token = c.token
      AND s.last_seq = c.expected_seq AND s.inbox_last <= c.inbox_seen
      AND ${isAlive('c.worker_id')}
    RETURNING s.saga_id, c.expected_seq, c.new_seq, c.events, c.snapshot, s.watched_until
  )`;

const createCtes = (firstParameter: number): string => `
  n AS MATERIALIZED (
    SELECT x.*, ${isAlive('x.worker_id')} AS owned FROM ${relation(SAGAS, firstParameter)}
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
const WATCHED = '(SELECT watched_until > clock_timestamp() FROM potter.saga_feed) AS watched';

const SNAPSHOT_CTE = `
  snapshots AS (
    INSERT INTO potter.saga_snapshots (saga_id, seq, state)
    SELECT saga_id, new_seq, snapshot FROM committed WHERE snapshot IS NOT NULL
    ON CONFLICT (saga_id) DO UPDATE SET seq = excluded.seq, state = excluded.state
  )`;

/**
 * Everything that runs sagas write, as one statement: any number of commits and of new sagas. Each stands or falls by
 * itself; the answer has a row for each one that was written. Lease, journal and inbox are checked in the WHERE of the
 * UPDATE: a commit that had to wait for another writer of its row is checked again against what that one left. The
 * owner is compared in a form that no index serves, lest statistics of a quiet hour, when nothing was owned, make the
 * planner read all sagas of the owner for each commit.
 */
export function writeSql({ commits, creates, snapshots, last }: WriteForm): string {
  const journal = [...only(commits, COMMIT_JOURNAL), ...only(creates, CREATE_JOURNAL)];
  const ctes = [
    ...only(commits, COMMIT_CTES),
    ...only(creates, createCtes(commits ? 1 + COMMITS.length : 1)),
    `journal AS (INSERT INTO potter.saga_journal (saga_id, seq, events) ${journal.join(' UNION ALL ')})`,
    ...only(snapshots, SNAPSHOT_CTE),
  ];
  const patience = last
    ? ", set_config('idle_in_transaction_session_timeout', '5s', true) AS patience"
    : '';
  const answers = [
    ...only(
      commits,
      `SELECT saga_id, CASE WHEN watched_until > clock_timestamp()
        THEN pg_notify('${SAGA_CHANNEL}', 'journal ' || saga_id) END AS told, ${WATCHED}${patience} FROM committed`,
    ),
    ...only(
      creates,
      `SELECT saga_id, CASE WHEN owner IS NULL THEN pg_notify('${SAGA_CHANNEL}', 'work') END, ${WATCHED} FROM created`,
    ),
  ];
  return `WITH ${ctes.join(',')} ${answers.join(' UNION ALL ')}`;
}

/** Why commits were refused: the same questions as in the statement above, asked one by one. */
export const REFUSED_SQL: string = `
  SELECT c.saga_id, s.last_seq::text,
    s.saga_id IS NOT NULL AND s.owner = c.worker_id AND s.token = c.token AND ${isAlive('c.worker_id')} AS owned,
    (SELECT json_agg(json_build_array(i.seq::text, i.kind, i.message_id, ${msOf('i.at')}, i.body) ORDER BY i.seq)::text
      FROM potter.saga_inbox i WHERE i.saga_id = c.saga_id AND i.seq > c.inbox_seen) AS inbox
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS c(saga_id, worker_id, token, inbox_seen)
  LEFT JOIN potter.sagas s USING (saga_id)`;

/** What is there already under the ids of sagas that were not created. */
export const EXISTING_SQL: string = `
  SELECT saga_id, fingerprint, status, owner, token::text, last_seq::text FROM potter.sagas
  WHERE saga_id = ANY($1::text[])`;
