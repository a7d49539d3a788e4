import type {
  SagaDurations,
  SagaMetrics,
  SagaMetricsQuery,
  SagaStepMetrics,
} from '../../../sagas/read-models/saga-query-handler.ts';
import type { SagaStatus } from '../../../sagas/saga-event.ts';
import { Conditions } from '../../connection/conditions.ts';
import { SAGA_VIEWS, STEP_VIEWS } from './saga-read-model-sql.ts';
import { msOf } from '../../connection/ms-of.ts';

/** What the statement gives back. */
export interface MetricsRow {
  readonly by_status: Readonly<Partial<Record<SagaStatus, number>>> | null;
  readonly average: number | null;
  readonly percentiles: readonly number[] | null;
  readonly ended: number;
  readonly first_ms: number | null;
  readonly last_ms: number | null;
  readonly steps: readonly SagaStepMetrics[] | null;
}

/** All of it in one statement, and so of one moment. */
export function metricsStatement({ definition, from, to }: SagaMetricsQuery): {
  readonly text: string;
  readonly values: unknown[];
} {
  const where = new Conditions();
  if (definition !== undefined) where.add('v.definition =', definition);
  if (from !== undefined) where.add('v.started_at >=', from.toISOString(), 'timestamptz');
  if (to !== undefined) where.add('v.started_at <', to.toISOString(), 'timestamptz');
  const text = `
    WITH s AS MATERIALIZED (
      SELECT v.saga_id, v.status, v.started_at, v.finished_at, v.duration_ms FROM ${SAGA_VIEWS} v ${where.sql()})
    SELECT
      (SELECT json_object_agg(status, n) FROM (SELECT status, count(*) AS n FROM s GROUP BY status) c) AS by_status,
      avg(duration_ms)::float8 AS average,
      percentile_cont('{0.5,0.95,0.99}'::float8[]) WITHIN GROUP (ORDER BY duration_ms) AS percentiles,
      count(finished_at)::float8 AS ended,
      ${msOf('min(started_at)')} AS first_ms, ${msOf('max(finished_at)')} AS last_ms,
      (SELECT json_agg(json_build_object('step', step, 'count', sagas, 'attempts', attempts,
          'failures', failures, 'meanMs', mean) ORDER BY step COLLATE "C")
        FROM (
          SELECT t.step, count(*) AS sagas, sum(t.attempts) AS attempts, sum(t.failures) AS failures,
            avg(t.duration_ms)::float8 AS mean
          FROM ${STEP_VIEWS} t JOIN s USING (saga_id) WHERE t.attempts > 0 GROUP BY t.step) x) AS steps
    FROM s`;
  return { text, values: where.values };
}

const MINUTE_MS = 60_000;

/** The metrics of a row. */
export function metricsOf(row: MetricsRow, { from, to }: SagaMetricsQuery): SagaMetrics {
  const byStatus: Record<SagaStatus, number> = {
    pending: 0,
    running: 0,
    compensating: 0,
    completed: 0,
    compensated: 0,
    failed: 0,
    abandoned: 0,
    ...row.by_status,
  };
  const { completed, compensated, failed, abandoned } = byStatus;
  const decided = completed + compensated + failed + abandoned;
  const beginMs = from?.getTime() ?? row.first_ms ?? 0;
  const endMs = to?.getTime() ?? row.last_ms ?? beginMs;
  const minutes = Math.max(endMs - beginMs, MINUTE_MS) / MINUTE_MS;
  return {
    total: Object.values(byStatus).reduce((sum, count) => sum + count, 0),
    byStatus,
    successRate: decided === 0 ? null : completed / decided,
    durationMs: durationsOf(row),
    throughputPerMinute: row.ended / minutes,
    steps: row.steps ?? [],
  };
}

function durationsOf({ average, percentiles }: MetricsRow): SagaDurations | null {
  if (average === null || percentiles === null) return null;
  const [p50 = 0, p95 = 0, p99 = 0] = percentiles;
  return { average, p50, p95, p99 };
}
