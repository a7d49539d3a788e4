import type { PostgresPool } from '../../runtime/src/postgres/connection/client.ts';
import { inTransaction } from '../../runtime/src/postgres/connection/transaction.ts';

/** The same rows as the read model's, and a checkpoint. */
export const FLOOR_TABLES = `
  CREATE TABLE floor_sagas (LIKE potter.saga_views INCLUDING ALL);
  CREATE TABLE floor_steps (LIKE potter.saga_step_views INCLUDING ALL);
  CREATE TABLE floor_attempts (LIKE potter.saga_attempt_views INCLUDING ALL);
  CREATE TABLE floor_checkpoint (position bigint NOT NULL);
  INSERT INTO floor_checkpoint VALUES (0);`;

interface Event {
  readonly type: string;
  readonly at: string;
  readonly path?: string;
  readonly definition?: string;
  readonly input?: unknown;
  readonly correlationId?: string;
}

interface Known {
  saga_id: string;
  definition: string;
  definition_version: number;
  status: string;
  paused: boolean;
  current_step: string | null;
  correlation_id: string;
  started_at: string;
  updated_at: string;
  finished_at: string | null;
  duration_ms: number | null;
  input: string;
  results: string;
  attributes: unknown;
  seq: number;
  position: string;
  readonly attempts: { no: number; step: string; started_at: string; finished_at: string | null }[];
}

/**
 * What one writes by hand for exactly these sagas, that go forward and never fail: pages as one JSON text, a fold of what
 * is needed and no more, one bulk upsert a table and the checkpoint in one transaction.
 */
export async function handWrittenRebuild(pool: PostgresPool, pageSize: number): Promise<number> {
  const known = new Map<string, Known>();
  let position = '0';
  let commits = 0;
  let page = read(pool, position, pageSize);
  for (;;) {
    const rows = await page;
    const last = rows.at(-1);
    if (last === undefined) return commits;
    commits += rows.length;
    [position] = last;
    page = read(pool, position, pageSize);
    const touched = new Set<Known>();
    for (const row of rows) touched.add(fold(known, row));
    await write(pool, [...touched], position);
  }
}

type Row = readonly [position: string, sagaId: string, events: readonly Event[]];

async function read(pool: PostgresPool, after: string, limit: number): Promise<readonly Row[]> {
  const { rows } = await pool.query<{ page: string | null }>({
    name: 'floor_page',
    text: `SELECT '[' || string_agg('["' || position || '",' || to_json(saga_id) || ',' || events || ']', ',' ORDER BY position) || ']' AS page
      FROM (SELECT * FROM potter.saga_journal WHERE position > $1::bigint ORDER BY position LIMIT $2) j`,
    values: [after, limit],
  });
  return JSON.parse(rows[0]?.page ?? '[]') as Row[];
}

function fold(known: Map<string, Known>, [position, sagaId, events]: Row): Known {
  let saga = known.get(sagaId);
  for (const event of events) {
    if (saga === undefined) {
      saga = started(sagaId, event);
      known.set(sagaId, saga);
      continue;
    }
    saga.seq += 1;
    saga.updated_at = event.at;
    if (event.type === 'AttemptStarted') {
      const step = event.path ?? '';
      saga.status = 'running';
      saga.current_step = step;
      saga.attempts.push({
        no: saga.attempts.length,
        step,
        started_at: event.at,
        finished_at: null,
      });
    } else if (event.type === 'AttemptCompleted') {
      const attempt = saga.attempts.at(-1);
      if (attempt !== undefined) attempt.finished_at = event.at;
    } else if (event.type === 'SagaCompleted') {
      saga.status = 'completed';
      saga.current_step = null;
      saga.finished_at = event.at;
      saga.duration_ms = Date.parse(event.at) - Date.parse(saga.started_at);
    }
  }
  if (saga === undefined) throw new Error(`saga ${sagaId} has a commit without events`);
  saga.position = position;
  return saga;
}

function started(sagaId: string, event: Event): Known {
  return {
    saga_id: sagaId,
    definition: event.definition ?? '',
    definition_version: 1,
    status: 'pending',
    paused: false,
    current_step: null,
    correlation_id: event.correlationId ?? '',
    started_at: event.at,
    updated_at: event.at,
    finished_at: null,
    duration_ms: null,
    input: JSON.stringify(event.input),
    results: '{}',
    attributes: event.input,
    seq: 1,
    position: '0',
    attempts: [],
  };
}

async function write(pool: PostgresPool, sagas: readonly Known[], position: string): Promise<void> {
  const attempts = sagas.flatMap((saga) =>
    saga.attempts.map((attempt) => ({
      saga_id: saga.saga_id,
      ...attempt,
      kind: 'step',
      status: attempt.finished_at === null ? 'running' : 'completed',
      attempt: 1,
      attempts: 1,
      failures: 0,
      duration_ms:
        attempt.finished_at === null
          ? null
          : Date.parse(attempt.finished_at) - Date.parse(attempt.started_at),
    })),
  );
  await inTransaction(pool, async (transaction) => {
    const upsert = (table: string, key: string, changed: readonly string[], rows: unknown) =>
      transaction.query({
        name: table,
        text: `INSERT INTO ${table} AS v SELECT * FROM json_populate_recordset(NULL::${table}, $1::json)
          ON CONFLICT (${key}) DO UPDATE SET ${changed.map((name) => `${name} = excluded.${name}`).join(', ')}`,
        values: [JSON.stringify(rows)],
      });
    const states = ['status', 'current_step', 'updated_at', 'finished_at', 'duration_ms'];
    await upsert('floor_sagas', 'saga_id', [...states, 'seq', 'position'], sagas);
    await upsert('floor_steps', 'saga_id, step', ['status', 'duration_ms'], attempts);
    const ends = ['status', 'finished_at', 'duration_ms'];
    await upsert('floor_attempts', 'saga_id, no', ends, attempts);
    await transaction.query({
      text: 'UPDATE floor_checkpoint SET position = $1::bigint',
      values: [position],
    });
  });
}
