import { newId } from 'potter-runtime/foundation';
import { createPool, type ManagedPostgresPool, PostgresSagaStore } from 'potter-runtime/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { claimBy, claimed, completed, firstCommit, newSaga, registered } from './saga-fixtures.ts';

const FINISHED = process.env['POTTER_FULL'] === '1' ? 1_000_000 : 100_000;
const ROUNDS = 15;

let database: TestDatabase;
/** One connection, which can be made to tell its statistics. */
let pool: ManagedPostgresPool;
let store: PostgresSagaStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas'] });
  pool = createPool(database.url, { maxConnections: 1 });
  store = new PostgresSagaStore({ pool });
});

afterAll(async () => {
  await store.close();
  await pool.close();
  await database.close();
});

async function addFinished(count: number): Promise<void> {
  await database.pool.query(
    `INSERT INTO potter.sagas (saga_id, definition, definition_version, correlation_id, fingerprint, status,
       started_at, updated_at, finished_at, accepts, token, last_seq)
     SELECT gen_random_uuid(), 'order-saga', 1, 'c', $1, 'completed', now(), now(), now(), 64, 1, 6
     FROM generate_series(1, $2::int) n`,
    [newId(), count],
  );
}

async function scansOf(): Promise<number> {
  await pool.query({ text: 'SELECT pg_stat_force_next_flush()' });
  const { rows } = await pool.query<{ n: string }>({
    text: `SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) AS n FROM pg_stat_user_tables WHERE relname = 'sagas'`,
  });
  return Number(rows[0]?.n);
}

/** The rows that a claim of a hundred due sagas looks at: what it costs, without the noise of the machine. */
async function claimCost(
  workerId: string,
): Promise<{ readonly scans: number; readonly ms: number }> {
  const times: number[] = [];
  const before = await scansOf();
  for (let round = 0; round < ROUNDS; round += 1) {
    await Promise.all(Array.from({ length: 100 }, () => store.create(newSaga())));
    const from = performance.now();
    const sagas = await claimed(store, claimBy(workerId));
    times.push(performance.now() - from);
    expect(sagas).toHaveLength(100);
    await Promise.all(
      sagas.map(({ sagaId, lease }) =>
        store.commit(firstCommit(sagaId, lease, { summary: completed(), release: true })),
      ),
    );
  }
  const sorted = times.toSorted((a, b) => a - b);
  return { scans: (await scansOf()) - before, ms: sorted[Math.floor(ROUNDS / 2)] ?? Number.NaN };
}

test('counting what nobody here can run reads none of what is over, even before there are statistics', async () => {
  await addFinished(20_000);
  const unknown = { definition: 'unknown-saga', definitionVersion: 7 };
  const known = newSaga();
  const lease = { workerId: await registered(store), token: 1n };
  await Promise.all([
    store.create(known, { lease }),
    store.create(newSaga(unknown), { lease }),
    store.create(newSaga(unknown)),
    store.create(newSaga({ ...unknown, definitionVersion: 8 })),
  ]);
  const before = await scansOf();
  expect(
    await store.unclaimable([{ name: known.definition, version: known.definitionVersion }]),
  ).toEqual([
    { name: 'unknown-saga', version: 7, count: 2 },
    { name: 'unknown-saga', version: 8, count: 1 },
  ]);
  expect((await scansOf()) - before).toBeLessThan(100);
});

test(
  `${FINISHED.toLocaleString('en')} finished sagas do not make a claim look at more rows`,
  { timeout: 300_000 },
  async () => {
    const workerId = await registered(store, 600_000);
    await claimCost(workerId);
    const empty = await claimCost(workerId);
    await addFinished(FINISHED);
    await database.pool.query('ANALYZE potter.sagas');
    const full = await claimCost(workerId);
    console.log(
      `claim of 100 due sagas: ${empty.ms.toFixed(1)} ms, ${empty.scans} rows read; beside ${FINISHED} finished ones: ` +
        `${full.ms.toFixed(1)} ms, ${full.scans} rows read`,
    );
    // Rows rather than milliseconds: they tell the same on a busy machine.
    expect(empty.scans).toBeGreaterThanOrEqual(ROUNDS * 100);
    expect(full.scans).toBeLessThanOrEqual(empty.scans * 1.1);
  },
);
