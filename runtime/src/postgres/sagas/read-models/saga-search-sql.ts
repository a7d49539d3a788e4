import type {
  SagaListQuery,
  SagaSearch,
  SagaSort,
} from '../../../sagas/read-models/saga-query-handler.ts';
import type { ListCursor } from '../../../sagas/read-models/list-cursor.ts';
import { Conditions } from '../../connection/conditions.ts';
import { SAGA_VIEWS } from './saga-read-model-sql.ts';
import { msOf } from '../../connection/ms-of.ts';

/** Adds what a search asks of rows `v`. */
export function searchConditions(search: SagaSearch): Conditions {
  const where = new Conditions();
  if (search.status !== undefined) where.add('v.status = any', search.status, 'text[]');
  if (search.definition !== undefined) where.add('v.definition =', search.definition);
  if (search.definitionVersion !== undefined) {
    where.add('v.definition_version =', search.definitionVersion, 'integer');
  }
  if (search.step !== undefined) where.add('v.current_step =', search.step);
  if (search.correlationId !== undefined) where.add('v.correlation_id =', search.correlationId);
  if (search.startedAfter !== undefined) {
    where.add('v.started_at >=', search.startedAfter.toISOString(), 'timestamptz');
  }
  if (search.startedBefore !== undefined) {
    where.add('v.started_at <', search.startedBefore.toISOString(), 'timestamptz');
  }
  if (search.attributes !== undefined) {
    where.add('v.attributes @>', JSON.stringify(search.attributes), 'jsonb');
  }
  return where;
}

interface Order {
  readonly column: string;
  readonly type: 'timestamptz' | 'bigint';
  readonly descending: boolean;
}

const COLUMNS = {
  startedAt: { column: 'v.started_at', type: 'timestamptz' },
  updatedAt: { column: 'v.updated_at', type: 'timestamptz' },
  durationMs: { column: 'coalesce(v.duration_ms, -1)', type: 'bigint' },
} as const;

function orderOf(sort: SagaSort): Order {
  const descending = sort.startsWith('-');
  const field = (descending ? sort.slice(1) : sort) as keyof typeof COLUMNS;
  return { ...COLUMNS[field], descending };
}

/** Columns of a saga in a list. */
export const LIST_COLUMNS: string = `
  v.saga_id, v.definition, v.definition_version, v.status, v.paused, v.current_step, v.correlation_id,
  ${msOf('v.started_at')} AS started_ms, ${msOf('v.updated_at')} AS updated_ms,
  ${msOf('v.finished_at')} AS finished_ms, v.duration_ms::float8, v.error, v.remaining, v.lock`;

/** One page with the total, both of one moment; one saga more than asked for tells whether there is a next page. */
export function listStatement(
  query: SagaListQuery & {
    readonly sort: SagaSort;
    readonly limit: number;
    readonly offset: number;
  },
  cursor: ListCursor | undefined,
): { readonly text: string; readonly values: unknown[] } {
  const { column, type, descending } = orderOf(query.sort);
  const direction = descending ? 'DESC' : 'ASC';
  const where = searchConditions(query);
  const total = `SELECT count(*) AS total FROM ${SAGA_VIEWS} v ${where.sql()}`;
  const page = where.copy();
  if (cursor !== undefined) {
    const value = type === 'bigint' ? cursor.value : new Date(cursor.value).toISOString();
    page.addRow([column, 'v.saga_id'], descending ? '<' : '>', [
      [value, type],
      [cursor.sagaId, 'text'],
    ]);
  }
  const values = [...page.values, query.limit + 1, query.offset];
  const text = `
    WITH total AS (${total}),
    page AS (
      SELECT ${LIST_COLUMNS}, ${column} AS sorted FROM ${SAGA_VIEWS} v ${page.sql()}
      ORDER BY ${column} ${direction}, v.saga_id ${direction}
      LIMIT $${values.length - 1}::int OFFSET $${values.length}::int)
    SELECT t.total::float8 AS total, p.* FROM total t LEFT JOIN page p ON true
    ORDER BY p.sorted ${direction}, p.saga_id ${direction}`;
  return { text, values };
}
