import { PotterError } from '../../../errors/potter-error.ts';
import { jsonCodec } from '../../../foundation/json.ts';
import { decodeCursor, encodeCursor } from '../../../sagas/read-models/list-cursor.ts';
import { SagaFold } from '../../../sagas/read-models/saga-fold.ts';
import type {
  SagaListItem,
  SagaListQuery,
  SagaMetrics,
  SagaMetricsQuery,
  SagaPage,
  SagaQueryHandler,
  SagaSort,
} from '../../../sagas/read-models/saga-query-handler.ts';
import type { SagaError, SagaStatus } from '../../../sagas/saga-event.ts';
import type { HistoryEntry, SagaHistory } from '../../../sagas/saga-history.ts';
import type { SagaStore } from '../../../sagas/saga-store.ts';
import { type SagaView, viewOf, withLockPlaces } from '../../../sagas/saga-view.ts';
import type { PostgresPool, PostgresStatement } from '../../connection/client.ts';
import { translatePostgresError } from '../../connection/errors.ts';
import { targetOfPool } from '../../connection/pool-target.ts';
import { metricsOf, type MetricsRow, metricsStatement } from './saga-metrics-sql.ts';
import { ATTEMPT_VIEWS, SAGA_VIEWS } from './saga-read-model-sql.ts';
import { LIST_COLUMNS, listStatement } from './saga-search-sql.ts';
import { msOf } from '../../connection/ms-of.ts';

/** Options of {@link PostgresSagaQueries}. */
export interface PostgresSagaQueriesOptions {
  readonly pool: PostgresPool;
  /** Where sagas are looked up that the read model does not know yet, and queues for keys. */
  readonly store: Pick<SagaStore, 'journal' | 'lockPlaces'>;
}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;
const MAX_OFFSET = 2 ** 31 - 1;

interface SagaRow {
  readonly saga_id: string;
  readonly definition: string;
  readonly definition_version: number;
  readonly status: SagaStatus;
  readonly paused: boolean;
  readonly current_step: string | null;
  readonly correlation_id: string;
  readonly started_ms: number;
  readonly updated_ms: number;
  readonly finished_ms: number | null;
  readonly duration_ms: number | null;
  readonly error: string | null;
  readonly remaining: string | null;
  readonly lock: string | null;
}

interface SagaValues {
  readonly input: string | null;
  readonly results: string;
}

interface Freshness {
  /** Whether the rows show everything that is committed of the saga. */
  readonly fresh: boolean;
}

interface Heard {
  /** Whether it was told something that its journal does not reflect yet. */
  readonly unheard: boolean;
}

/** A saga that is no longer in the store is as fresh as it will ever be. */
const IS_FRESH = `coalesce((SELECT v.seq >= s.last_seq FROM potter.sagas s WHERE s.saga_id = v.saga_id), true) AS fresh`;

interface AttemptRow {
  readonly step: string;
  readonly kind: HistoryEntry['kind'];
  readonly status: HistoryEntry['status'];
  readonly attempt: number;
  readonly started_ms: number;
  readonly finished_ms: number | null;
  readonly duration_ms: number | null;
  readonly error: string | null;
}

/**
 * Answers from the tables of the component `saga-read-models`, which the projection `sagaReadModel` writes, next to those
 * of the component `sagas`: with one look at the latter it knows whether its rows of a saga are up to date.
 */
export class PostgresSagaQueries implements SagaQueryHandler {
  readonly #pool: PostgresPool;
  readonly #store: Pick<SagaStore, 'journal' | 'lockPlaces'>;

  constructor(options: PostgresSagaQueriesOptions) {
    this.#pool = options.pool;
    this.#store = options.store;
  }

  async list(query: SagaListQuery = {}): Promise<SagaPage> {
    const { sort = '-startedAt', limit = DEFAULT_LIMIT, offset = 0, cursor } = query;
    assertBetween('limit', limit, 1, MAX_LIMIT);
    assertBetween('offset', offset, 0, MAX_OFFSET);
    const from = cursor === undefined ? undefined : decodeCursor(sort, cursor);
    const statement = listStatement({ ...query, sort, limit, offset }, from);
    const rows = await this.#rows<{ total: number } & (SagaRow | { saga_id: null })>(statement);
    const found = rows.flatMap((row) => (row.saga_id === null ? [] : [itemOf(row)]));
    const sagas = found.slice(0, limit);
    const last = sagas.at(-1);
    const hasNext = found.length > limit && last !== undefined;
    return {
      sagas,
      total: rows[0]?.total ?? 0,
      limit,
      offset,
      nextCursor: hasNext ? encodeCursor(sort, cursorOf(sort, last)) : null,
    };
  }

  async get(sagaId: string): Promise<SagaView> {
    const [row] = await this.#rows<SagaRow & Freshness & SagaValues & Heard>({
      name: 'potter_saga_view',
      text: `SELECT ${LIST_COLUMNS}, v.input, v.results, v.saga_id IS NOT NULL AND coalesce(v.seq >= s.last_seq, true) AS fresh,
          coalesce(s.inbox_last > s.inbox_seen, false) AS unheard
        FROM (VALUES ($1::text)) asked(saga_id) LEFT JOIN ${SAGA_VIEWS} v USING (saga_id) LEFT JOIN potter.sagas s USING (saga_id)`,
      values: [sagaId],
    });
    const heard = row?.unheard === true ? { unheard: true as const } : {};
    if (row?.fresh !== true) {
      const view = viewOf(sagaId, (await this.#foldOf(sagaId)).state);
      return withLockPlaces({ ...view, ...heard }, this.#store);
    }
    const { durationMs: _durationMs, ...item } = itemOf(row);
    const view = {
      ...item,
      ...heard,
      input: row.input === null ? undefined : jsonCodec.decode(row.input),
      results: jsonCodec.decode(row.results) as SagaView['results'],
    };
    return withLockPlaces(view, this.#store);
  }

  async history(sagaId: string): Promise<SagaHistory> {
    const rows = await this.#rows<Freshness & (AttemptRow | { readonly step: null })>({
      name: 'potter_saga_attempts',
      text: `SELECT ${IS_FRESH}, a.step, a.kind, a.status, a.attempt, ${msOf('a.started_at')} AS started_ms,
          ${msOf('a.finished_at')} AS finished_ms, a.duration_ms::float8, a.error
        FROM ${SAGA_VIEWS} v LEFT JOIN ${ATTEMPT_VIEWS} a USING (saga_id) WHERE v.saga_id = $1 ORDER BY a.no`,
      values: [sagaId],
    });
    if (rows[0]?.fresh !== true) return { sagaId, history: (await this.#foldOf(sagaId)).history() };
    return { sagaId, history: rows.flatMap((row) => (row.step === null ? [] : [entryOf(row)])) };
  }

  async metrics(query: SagaMetricsQuery = {}): Promise<SagaMetrics> {
    const [row] = await this.#rows<MetricsRow>(metricsStatement(query));
    if (row === undefined) throw new TypeError('an aggregate without GROUP BY gave no row');
    return metricsOf(row, query);
  }

  /** The saga as its journal tells it now. */
  async #foldOf(sagaId: string): Promise<SagaFold> {
    const fold = new SagaFold(sagaId);
    for (const entry of await this.#store.journal(sagaId)) fold.add(entry);
    if (fold.seq > 0n) return fold;
    throw new PotterError('SAGA_NOT_FOUND', {
      message: `There is no saga '${sagaId}'.`,
      remedy: 'Check the id.',
      details: { sagaId },
    });
  }

  async #rows<Row extends object>(statement: PostgresStatement): Promise<readonly Row[]> {
    try {
      return (await this.#pool.query<Row>(statement)).rows;
    } catch (error) {
      throw translatePostgresError(error, targetOfPool(this.#pool));
    }
  }
}

function itemOf(row: SagaRow): SagaListItem {
  return {
    sagaId: row.saga_id,
    definition: row.definition,
    definitionVersion: row.definition_version,
    status: row.status,
    paused: row.paused,
    currentStep: row.current_step,
    correlationId: row.correlation_id,
    lock: row.lock === null ? null : (jsonCodec.decode(row.lock) as SagaView['lock']),
    startedAt: new Date(row.started_ms),
    updatedAt: new Date(row.updated_ms),
    finishedAt: row.finished_ms === null ? null : new Date(row.finished_ms),
    durationMs: row.duration_ms,
    error: errorOf(row.error),
    ...(row.remaining !== null && { remaining: jsonCodec.decode(row.remaining) as string[] }),
  };
}

function entryOf(row: AttemptRow): HistoryEntry {
  return {
    step: row.step,
    kind: row.kind,
    status: row.status,
    attempt: row.attempt,
    startedAt: new Date(row.started_ms),
    finishedAt: row.finished_ms === null ? null : new Date(row.finished_ms),
    durationMs: row.duration_ms,
    error: errorOf(row.error),
  };
}

function errorOf(text: string | null): SagaError | null {
  return text === null ? null : (jsonCodec.decode(text) as SagaError);
}

function cursorOf(
  sort: SagaSort,
  item: SagaListItem,
): { readonly value: number; readonly sagaId: string } {
  const { sagaId } = item;
  switch (sort) {
    case 'startedAt':
    case '-startedAt':
      return { value: item.startedAt.getTime(), sagaId };
    case 'updatedAt':
    case '-updatedAt':
      return { value: item.updatedAt.getTime(), sagaId };
    case 'durationMs':
    case '-durationMs':
      return { value: item.durationMs ?? -1, sagaId };
  }
}

function assertBetween(what: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new PotterError('INVALID_ARGUMENT', {
    message: `The ${what} of a list is ${value}.`,
    remedy: `Use a whole number from ${least} to ${most}.`,
    details: { [what]: value },
  });
}
