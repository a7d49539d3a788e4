import type { PostgresStatement } from '../../connection/client.ts';

/** One row a saga. */
export const SAGA_VIEWS = 'potter.saga_views';
/** One row a step of a saga. */
export const STEP_VIEWS = 'potter.saga_step_views';
/** One row an attempt. */
export const ATTEMPT_VIEWS = 'potter.saga_attempt_views';

/** Times travel as milliseconds since 1970, which are written and read in a fraction of the time. */
const TIME = 'float8';
const TIMES: ReadonlySet<string> = new Set(['started_at', 'updated_at', 'finished_at']);

type Columns = readonly (readonly [name: string, type: string])[];

const SAGA_COLUMNS: Columns = [
  ['saga_id', 'text'],
  ['definition', 'text'],
  ['definition_version', 'integer'],
  ['status', 'text'],
  ['paused', 'boolean'],
  ['current_step', 'text'],
  ['correlation_id', 'text'],
  ['started_at', TIME],
  ['updated_at', TIME],
  ['finished_at', TIME],
  ['duration_ms', 'bigint'],
  ['error', 'text'],
  ['remaining', 'text'],
  ['lock', 'text'],
  ['input', 'text'],
  ['results', 'text'],
  ['attributes', 'jsonb'],
  ['seq', 'bigint'],
  ['position', 'bigint'],
];

const STEP_COLUMNS: Columns = [
  ['saga_id', 'text'],
  ['step', 'text'],
  ['no', 'integer'],
  ['status', 'text'],
  ['attempts', 'integer'],
  ['failures', 'integer'],
  ['started_at', TIME],
  ['duration_ms', 'bigint'],
];

const ATTEMPT_COLUMNS: Columns = [
  ['saga_id', 'text'],
  ['no', 'integer'],
  ['step', 'text'],
  ['kind', 'text'],
  ['status', 'text'],
  ['attempt', 'integer'],
  ['started_at', TIME],
  ['finished_at', TIME],
  ['duration_ms', 'bigint'],
  ['error', 'text'],
];

/** Columns in which null means: as it was. */
const KEPT: ReadonlySet<string> = new Set(['input', 'attributes']);

/** Rows of {@link SAGA_VIEWS}. Gives back the ids of those that did not show as much already. */
export function upsertSagas(table: string, rows: readonly object[]): PostgresStatement {
  const { text, ...statement } = upsert('sagas', table, SAGA_COLUMNS, ['saga_id'], rows);
  return { ...statement, text: `${text} WHERE v.position < excluded.position RETURNING saga_id` };
}

/** Rows of {@link STEP_VIEWS}. */
export function upsertSteps(table: string, rows: readonly object[]): PostgresStatement {
  return upsert('steps', table, STEP_COLUMNS, ['saga_id', 'step'], rows);
}

/** Rows of {@link ATTEMPT_VIEWS}. */
export function upsertAttempts(table: string, rows: readonly object[]): PostgresStatement {
  return upsert('attempts', table, ATTEMPT_COLUMNS, ['saga_id', 'no'], rows);
}

/** All rows as one JSON text: one parameter, read once on either side. */
function upsert(
  label: string,
  table: string,
  columns: Columns,
  key: readonly string[],
  rows: readonly object[],
): PostgresStatement {
  const names = columns.map(([name]) => name);
  const changes = names
    .filter((name) => !key.includes(name))
    .map((name) =>
      KEPT.has(name)
        ? `${name} = coalesce(excluded.${name}, v.${name})`
        : `${name} = excluded.${name}`,
    );
  const text = `
    INSERT INTO ${table} AS v (${names.join(', ')})
    SELECT ${names.map((name) => (TIMES.has(name) ? `to_timestamp(${name} / 1000)` : name)).join(', ')}
    FROM json_to_recordset($1::json)
      AS x (${columns.map(([name, type]) => `${name} ${type}`).join(', ')})
    ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${changes.join(', ')}`;
  const generation = /__g\d+$/.exec(table)?.[0] ?? '';
  return { name: `potter_view_${label}${generation}`, text, values: [JSON.stringify(rows)] };
}
