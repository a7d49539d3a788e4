import { createPool, type ManagedPostgresPool, PostgresSagaStore } from 'potter-runtime/postgres';
import { createSagaEngine, saga } from 'potter-runtime/sagas';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { isFullRun } from '../../../support/full-run.ts';
import { RecordingMeter } from '../../../support/recording-meter.ts';
import { claimBy, claimed, registered } from './saga-fixtures.ts';

const SLEEPING = isFullRun ? 100_000 : 10_000;
const POLLS = 10;

const sleeper = saga<number>('sleeper')
  .sleep('night', ({ input }) => input)
  .step('wake', { execute: () => 'awake' })
  .build();
const definitions = [{ name: 'sleeper', version: 1 }];

let database: TestDatabase;
/** One connection, which can be made to tell its statistics, and counts what is asked. */
let pool: ManagedPostgresPool;
let queries = 0;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas'] });
  pool = createPool(database.url, { maxConnections: 1 });
  await database.pool.query(
    `INSERT INTO potter.sagas (saga_id, definition, definition_version, correlation_id, fingerprint, status,
       current_step, started_at, updated_at, wake_at, due_at, accepts, token, last_seq)
     SELECT 'sleeper-' || n, 'sleeper', 1, 'c', 'f', 'running', 'night', now(), now(), later, later, 64, 1, 2
     FROM generate_series(1, $1::int) n, LATERAL (SELECT now() + interval '1 day' + n * interval '1 ms') t(later)`,
    [SLEEPING],
  );
  await database.pool.query('ANALYZE potter.sagas');
});

afterAll(async () => {
  await pool.close();
  await database.close();
});

const counted = (): ManagedPostgresPool =>
  new Proxy(pool, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name === 'query') queries += 1;
      return value.bind(target) as unknown;
    },
  });

/** Rows of sagas that this connection has read. */
async function rowsRead(): Promise<number> {
  await pool.query({ text: 'SELECT pg_stat_force_next_flush()' });
  const { rows } = await pool.query<{ n: string }>({
    text: `SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) AS n FROM pg_stat_user_tables WHERE relname = 'sagas'`,
  });
  return Number(rows[0]?.n);
}

test(`${SLEEPING.toLocaleString('en')} sleeping sagas: a poll is one statement that reads no row of them; those that are to wake it finds`, async () => {
  await using store = new PostgresSagaStore({ pool: counted() });
  const workerId = await registered(store, 600_000);
  const poll = () => claimed(store, claimBy(workerId, { definitions }));
  await poll();
  const [asked, read] = [queries, await rowsRead()];
  for (let n = 0; n < POLLS; n += 1) expect(await poll()).toEqual([]);
  const [more, rows] = [queries - asked, (await rowsRead()) - read];
  console.log(`${POLLS} polls beside ${SLEEPING} sleeping sagas: ${more} statements, ${rows} rows`);
  expect(more).toBe(POLLS);
  expect(rows).toBeLessThanOrEqual(POLLS);
  const names = ['sleeper-7', 'sleeper-77', 'sleeper-777'];
  await database.pool.query(
    `UPDATE potter.sagas SET wake_at = now(), due_at = now() WHERE saga_id = ANY($1)`,
    [names],
  );
  const woken = await claimed(
    store,
    claimBy(workerId, { definitions, now: new Date(Date.now() + 1_000) }),
  );
  expect(woken.map(({ sagaId }) => sagaId).sort()).toEqual(names);
});

test('a process keeps nothing of the sagas that sleep, and its own one wakes in time among them', async () => {
  const meter = new RecordingMeter();
  const asleep = new AbortController();
  const owned = (): Promise<number | undefined> => meter.read('potter_sagas_owned');
  await using store = new PostgresSagaStore({ pool: database.pool });
  await using engine = createSagaEngine({
    store,
    definitions: [sleeper],
    meter,
    poll: 100,
    keep: 50,
  });
  await engine.run();
  const { sagaId } = await engine.start(sleeper, 2_000);
  for await (const { event } of store.follow(sagaId, { after: 0n, signal: asleep.signal })) {
    if (event.type === 'WaitStarted') asleep.abort();
  }
  await expect.poll(owned).toBe(0);
  const { status, results, startedAt, finishedAt } = await engine.settled(sagaId);
  expect([status, results]).toEqual(['completed', { wake: 'awake' }]);
  expect((finishedAt?.getTime() ?? 0) - startedAt.getTime()).toBeGreaterThanOrEqual(2_000);
  await expect.poll(owned).toBe(0);
});
