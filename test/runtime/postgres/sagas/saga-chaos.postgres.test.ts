import { newId } from 'potter-runtime/foundation';
import {
  createPool,
  type ManagedPostgresPool,
  PostgresSagaStore,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import { createSagaEngine, type SagaEngine } from 'potter-runtime/sagas';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { EFFECTS_TABLE, effectsSaga, expectedEffects } from '../../../support/effects-saga.ts';
import { type SagaProcess, startSagaProcess } from '../../../support/saga-process.ts';

/** A minute for those who ask for it, seconds for everybody else. */
const CHAOS_MS = process.env['POTTER_FULL'] === '1' ? 60_000 : 10_000;

let database: TestDatabase;
let store: PostgresSagaStore;
let engine: SagaEngine<PostgresTransaction>;
let pool: ManagedPostgresPool;

beforeEach(async () => {
  database = await createTestDatabase({ components: ['sagas', 'fences'] });
  await database.pool.query(EFFECTS_TABLE);
  pool = createPool(database.url);
  store = new PostgresSagaStore({ pool });
  const definitions = [effectsSaga(pool)];
  engine = createSagaEngine({ store, definitions, lease: 2_000, poll: 100 });
  await engine.run();
});

afterEach(async () => {
  await engine.stop();
  await store.close();
  await pool.close();
  await database.close();
});

/** Everything that is wrong with the sagas of the database, once all of them are over. */
async function violations(accepted: Iterable<string>): Promise<readonly string[]> {
  const unfinished = `SELECT count(*)::int AS n FROM potter.sagas WHERE status NOT IN ('completed', 'compensated')`;
  await expect
    .poll(async () => (await database.pool.query<{ n: number }>(unfinished)).rows[0]?.n, {
      interval: 100,
      timeout: 90_000,
    })
    .toBe(0);
  const { rows } = await database.pool.query<{
    saga_id: string;
    status: 'completed' | 'compensated';
    effects: string[] | null;
  }>(`SELECT s.saga_id, s.status, array_agg(e.key ORDER BY e.no) FILTER (WHERE e.key IS NOT NULL) AS effects
      FROM potter.sagas s LEFT JOIN effects e USING (saga_id) GROUP BY 1, 2`);
  const known = new Set(rows.map((row) => row.saga_id));
  const lost = [...accepted].filter((sagaId) => !known.has(sagaId)).map((id) => `${id} is lost`);
  const wrong = rows
    .filter((row) => row.effects?.join() !== expectedEffects(row.saga_id, row.status).join())
    .map((row) => `${row.saga_id} is ${row.status} with ${row.effects?.join()}`);
  return [...lost, ...wrong];
}

function flooding(): Promise<SagaProcess> {
  return startSagaProcess(database.url, { START: newId(), FLOOD: '8', LEASE_MS: '500' });
}

async function count(): Promise<number> {
  const { rows } = await database.pool.query<{ n: number }>(
    'SELECT count(*)::int AS n FROM potter.sagas',
  );
  return rows[0]?.n ?? 0;
}

test(
  'two processes under load, one of them killed and started over and over: nothing lost, nothing twice',
  { timeout: CHAOS_MS + 180_000 },
  async () => {
    const until = performance.now() + CHAOS_MS;
    const steady = await flooding();
    const all = [steady];
    let kills = 0;
    while (performance.now() < until || kills < 2) {
      const victim = await flooding();
      all.push(victim);
      await victim.said('accepted');
      await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 500));
      victim.kill('SIGKILL');
      await victim.ended;
      kills += 1;
    }
    steady.kill('SIGTERM');
    await steady.ended;
    const accepted = all.flatMap(({ lines }) =>
      lines.filter((line) => line.startsWith('accepted ')).map((line) => line.slice(9)),
    );
    // The first line of a flood is the saga it was told to start itself.
    const wrong = await violations(accepted);
    console.log(`${await count()} sagas, ${kills} kills with SIGKILL, ${wrong.length} violations`);
    expect(wrong).toEqual([]);
    expect(kills).toBeGreaterThan(1);
    expect(accepted.length).toBeGreaterThan(20);
  },
);

test(
  'connections killed at any moment leave all of a statement or none of it, and the engine goes on',
  { timeout: 180_000 },
  async () => {
    const accepted: string[] = [];
    const stop = new AbortController();
    const flood = async (lane: number): Promise<void> => {
      const definition = effectsSaga(pool);
      for (let n = 0; !stop.signal.aborted; n += 1) {
        const sagaId = `${lane}-${n}`;
        await engine.start(definition, { refuse: n % 3 === 2 }, { sagaId });
        accepted.push(sagaId);
        await engine.settled(sagaId).catch(() => {});
      }
    };
    const lanes = Array.from({ length: 8 }, (_, lane) => flood(lane));
    let kills = 0;
    const until = performance.now() + 5_000;
    while (performance.now() < until || kills <= 50 || accepted.length <= 5) {
      const { rows } = await database.pool.query<{ killed: boolean }>(
        `SELECT pg_terminate_backend(pid) AS killed FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < 0.5`,
      );
      kills += rows.filter(({ killed }) => killed).length;
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 30));
    }
    stop.abort();
    await Promise.all(lanes);
    const wrong = await violations(accepted);
    console.log(
      `${accepted.length} sagas, ${kills} connections killed, ${wrong.length} violations`,
    );
    expect(wrong).toEqual([]);
    expect(kills).toBeGreaterThan(50);
    expect(accepted.length).toBeGreaterThan(5);
  },
);
