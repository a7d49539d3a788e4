import { COMMITS, SAGA_CHANNEL, SAGAS, time, WATCHED, WORK } from './write-sql.ts';

/** A column of the one row as its parameter. */
type Parameter<Columns extends typeof COMMITS | typeof SAGAS> = (
  name: Columns[number][0],
) => string;

function parametersOf<Columns extends typeof COMMITS | typeof SAGAS>(
  columns: Columns,
): Parameter<Columns> {
  const texts = new Map(
    columns.map(([name, type], index) => [
      name,
      `$${index + 1}::${type === 'json' ? 'text' : type}`,
    ]),
  );
  return (name) => texts.get(name) ?? '';
}

const isAlive = (worker: string): string => `EXISTS (SELECT FROM potter.saga_workers
      WHERE worker_id = ${worker} AND expires_at > clock_timestamp())`;

const c = parametersOf(COMMITS);

/**
 * One commit alone: what the statement of many does, with a plan of fewer parts; the answer is a row when it was written.
 * @param last in a transaction that also holds a step's own writes, with only COMMIT to come. Should it not come, because
 * the process was stopped in this very moment, the server ends the session, and with it the lock that keeps others from
 * taking the saga over.
 */
export function commitOneSql(snapshots: boolean, last: boolean): string {
  const snapshot = snapshots
    ? `,
  snapshots AS (
    INSERT INTO potter.saga_snapshots (saga_id, seq, state)
    SELECT saga_id, ${c('new_seq')}, ${c('snapshot')} FROM committed
    ON CONFLICT (saga_id) DO UPDATE SET seq = excluded.seq, state = excluded.state
  )`
    : '';
  const patience = last
    ? ", set_config('idle_in_transaction_session_timeout', '5s', true) AS patience"
    : '';
  // A parameter that is mentioned nowhere has no type.
  const unused = snapshots ? '' : ` CROSS JOIN (SELECT ${c('snapshot')}) unused`;
  return `
  WITH committed AS (
    UPDATE potter.sagas SET
      status = ${c('status')}, current_step = ${c('current_step')}, error = ${c('error')},
      wake_at = ${time(c('wake_ms'))}, finished_at = ${time(c('finished_ms'))}, accepts = ${c('accepts')},
      updated_at = coalesce(${time(c('updated_ms'))}, updated_at),
      last_seq = ${c('new_seq')}, inbox_seen = ${c('inbox_seen')},
      owner = CASE WHEN ${c('release')} THEN NULL ELSE owner END,
      due_at = CASE WHEN ${c('release')} THEN ${time(c('wake_ms'))} END
    WHERE saga_id = ${c('saga_id')} AND owner IS NOT DISTINCT FROM ${c('worker_id')} AND token = ${c('token')}
      AND last_seq = ${c('expected_seq')} AND inbox_last <= ${c('inbox_seen')} AND ${isAlive(c('worker_id'))}
    RETURNING saga_id, watched_until
  ),
  journal AS (
    INSERT INTO potter.saga_journal (saga_id, seq, events)
    SELECT saga_id, ${c('new_seq')}, ${c('events')} FROM committed WHERE ${c('new_seq')} > ${c('expected_seq')}
  )${snapshot}
  SELECT CASE WHEN watched_until > clock_timestamp()
      THEN pg_notify('${SAGA_CHANNEL}', 'journal ' || saga_id) END AS told, ${WATCHED}${patience}
  FROM committed${unused}`;
}

const n = parametersOf(SAGAS);

/** One new saga alone; the answer is a row when it was written. */
export const CREATE_ONE_SQL: string = `
  WITH created AS (
    INSERT INTO potter.sagas (saga_id, definition, definition_version, correlation_id, fingerprint, status,
      current_step, error, wake_at, started_at, updated_at, finished_at, accepts, owner, token, last_seq, due_at)
    SELECT ${n('saga_id')}, ${n('definition')}, ${n('definition_version')}, ${n('correlation_id')},
      ${n('fingerprint')}, ${n('status')}, ${n('current_step')}, ${n('error')}, ${time(n('wake_ms'))},
      ${time(n('started_ms'))}, ${time(n('started_ms'))}, ${time(n('finished_ms'))}, ${n('accepts')},
      CASE WHEN owned THEN ${n('worker_id')} END, CASE WHEN ${n('worker_id')} IS NULL THEN 0 ELSE 1 END,
      ${n('new_seq')}, CASE WHEN NOT owned THEN ${time(n('wake_ms'))} END
    FROM (SELECT ${isAlive(n('worker_id'))} AS owned OFFSET 0) w
    ON CONFLICT (saga_id) DO NOTHING
    RETURNING saga_id, owner
  ),
  journal AS (
    INSERT INTO potter.saga_journal (saga_id, seq, events)
    SELECT saga_id, ${n('new_seq')}, ${n('events')} FROM created
  )
  SELECT CASE WHEN owner IS NULL THEN pg_notify('${SAGA_CHANNEL}', ${WORK}) END AS told, ${WATCHED}
  FROM created`;
