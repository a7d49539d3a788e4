import { type Duration, newId } from 'potter-runtime/foundation';
import {
  createPool,
  inTransaction,
  type ManagedPostgresPool,
  PostgresSagaStore,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import { createSagaEngine, saga, type SagaDefinition, type SagaEngine } from 'potter-runtime/sagas';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { EFFECTS_TABLE } from '../../../support/effects-saga.ts';
import { isFullRun } from '../../../support/full-run.ts';
import { startSagaProcess } from '../../../support/saga-process.ts';
import { admitSagas } from '../../../../runtime/src/postgres/sagas/store/admit.ts';
import { claimBy, claimed, newSaga, registered } from './saga-fixtures.ts';

const PENDING = isFullRun ? 1_000_000 : 50_000;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas', 'fences'] });
  await database.pool.query(EFFECTS_TABLE);
});

afterAll(async () => {
  await database.close();
});

async function engineOf(
  definition: SagaDefinition<unknown, PostgresTransaction>,
  poll: Duration = '5s',
  { pool }: Pick<TestDatabase, 'pool'> = database,
): Promise<SagaEngine<PostgresTransaction>> {
  const store = new PostgresSagaStore({ pool });
  const engine = createSagaEngine({ store, definitions: [definition], lease: '24h', poll });
  await engine.run();
  onTestFinished(async () => {
    await engine.stop({ timeout: 100 });
    await store.close();
  });
  return engine;
}

test(
  'three processes that flood a definition never run more of it at once than it allows',
  { timeout: 120_000 },
  async () => {
    const [count, limit] = [20, 4];
    const processes = await Promise.all(
      Array.from({ length: 3 }, () =>
        startSagaProcess(database.url, {
          COUNT: String(count),
          CONCURRENCY: String(limit),
          STEP_MS: '5',
          LEASE_MS: '30000',
        }),
      ),
    );
    onTestFinished(async () => {
      for (const one of processes) one.kill('SIGKILL');
      await Promise.all(processes.map(({ ended }) => ended));
    });
    let most = 0;
    let left = Infinity;
    const look = async (): Promise<number> => {
      const { rows } = await database.pool.query<{ owned: string; left: string; all: string }>(
        `SELECT count(owner) AS owned, count(*) FILTER (WHERE finished_at IS NULL) AS left, count(*) AS all
         FROM potter.sagas WHERE definition = 'effects-saga'`,
      );
      most = Math.max(most, Number(rows[0]?.owned));
      left = Number(rows[0]?.left) + 3 * count - Number(rows[0]?.all);
      return left;
    };
    await expect.poll(look, { interval: 3, timeout: 90_000 }).toBe(0);
    console.log(`three processes, a limit of ${limit}: ${most} at once at most`);
    expect(most).toBe(limit);
  },
);

test('four engines that claim at the same time run as many as allowed and no more, of each key and in all', async () => {
  const running = new Map<string, number>();
  let most = 0;
  let mostOfKey = 0;
  const definition = saga<{ readonly key: string }, PostgresTransaction>(`limited-${newId()}`, {
    limits: { concurrency: 6, perKey: { key: ({ input }) => input.key, concurrency: 2 } },
  })
    .step('work', {
      execute: async ({ input: { key } }) => {
        running.set(key, (running.get(key) ?? 0) + 1);
        most = Math.max(
          most,
          [...running.values()].reduce((sum, n) => sum + n, 0),
        );
        mostOfKey = Math.max(mostOfKey, running.get(key) ?? 0);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running.set(key, (running.get(key) ?? 0) - 1);
      },
    })
    .build();
  const engines = await Promise.all(Array.from({ length: 4 }, () => engineOf(definition)));
  const started = await Promise.all(
    Array.from({ length: 80 }, (_, n) =>
      (engines[n % 4] as SagaEngine<PostgresTransaction>).start(definition, { key: `k${n % 5}` }),
    ),
  );
  for (const { sagaId } of started) await engines[0]?.settled(sagaId);
  expect([most, mostOfKey]).toEqual([6, 2]);
});

test('engines that claim at the same time begin no more within any time than the rate allows', async () => {
  await database.pool.query(`
    CREATE TABLE begun (LIKE potter.saga_starts);
    CREATE FUNCTION note_begun() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO begun VALUES (NEW.definition, NEW.at, NEW.no); RETURN NULL; END $$;
    CREATE TRIGGER note_begun AFTER INSERT ON potter.saga_starts FOR EACH ROW EXECUTE FUNCTION note_begun()`);
  const [count, perMs] = [5, 200];
  const definition = saga<null, PostgresTransaction>(`rated-${newId()}`, {
    limits: { rate: { count, per: perMs } },
  })
    .step('work', { execute: () => null })
    .build();
  // Whoever waited for a poll would wait for longer than the test.
  const engines = await Promise.all(Array.from({ length: 3 }, () => engineOf(definition, '1h')));
  const from = performance.now();
  const started = await Promise.all(
    Array.from({ length: 21 }, (_, n) =>
      (engines[n % 3] as SagaEngine<PostgresTransaction>).start(definition, null),
    ),
  );
  for (const { sagaId } of started) await engines[0]?.settled(sagaId);
  const tookMs = performance.now() - from;
  const { rows } = await database.pool.query<{ ms: string }>(
    'SELECT extract(epoch FROM at) * 1000 AS ms FROM begun WHERE definition = $1 ORDER BY at',
    [definition.name],
  );
  const at = rows.map(({ ms }) => Number(ms));
  expect(at).toHaveLength(21);
  const apart = at.slice(count).map((ms, n) => ms - (at[n] ?? 0));
  expect(Math.min(...apart)).toBeGreaterThanOrEqual(perMs);
  expect(tookMs).toBeGreaterThanOrEqual(4 * perMs);
});

/** Sagas of a definition that wait to be begun, as their creation would have left them. */
async function flood(
  { pool }: TestDatabase,
  definition: SagaDefinition<unknown, never>,
  key: string,
  count: number,
): Promise<void> {
  const started = JSON.stringify([
    {
      type: 'SagaStarted',
      at: new Date(),
      definition: definition.name,
      definitionVersion: 1,
      definitionHash: definition.hash,
      input: null,
      correlationId: 'c',
      deadlineAt: null,
    },
  ]);
  await pool.query(
    `WITH made AS (
       INSERT INTO potter.sagas (saga_id, definition, definition_version, correlation_id, fingerprint, status, wake_at,
         started_at, updated_at, accepts, token, last_seq, due_at, limit_key, limit_rank)
       SELECT $1 || '-' || $2 || '-' || n, $1, 1, 'c', 'f', 'pending', now(), now(), now(), 257, 0, 1, '-infinity', '=' || $2,
         extract(epoch FROM now()) + n * 1e-6
       FROM generate_series(1, $3::int) n RETURNING saga_id)
     INSERT INTO potter.saga_journal (saga_id, seq, events) SELECT saga_id, 1, $4 FROM made`,
    [definition.name, key, count, started],
  );
  await pool.query('ANALYZE potter.sagas');
}

async function rowsRead(pool: ManagedPostgresPool): Promise<number> {
  await pool.query({ text: 'SELECT pg_stat_force_next_flush()' });
  const { rows } = await pool.query<{ n: string }>({
    text: `SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) AS n FROM pg_stat_user_tables WHERE relname = 'sagas'`,
  });
  return Number(rows[0]?.n);
}

test(
  `${PENDING.toLocaleString('en')} sagas that wait cost a look no more than it could claim, a process no memory, and claims without limits nothing`,
  { timeout: 600_000 },
  async () => {
    // Connections tell late what they have read: nobody else may have read these tables.
    const own = await createTestDatabase({ components: ['sagas'] });
    onTestFinished(() => own.close());
    const order: string[] = [];
    const forever = new Promise<null>(() => {});
    const definition = saga<null, PostgresTransaction>(`flooded-${newId()}`, {
      limits: { concurrency: 10, perKey: { key: () => 'flood' } },
    })
      .step('work', {
        execute: ({ sagaId }) => {
          order.push(sagaId.split('-').at(-2) ?? '');
          return forever;
        },
        timeout: '1h',
      })
      .build();
    await flood(own, definition, 'flood', PENDING);
    await flood(own, definition, 'small', 1);
    const pool = createPool(own.url, { maxConnections: 1 });
    const store = new PostgresSagaStore({ pool });
    onTestFinished(async () => {
      await store.close();
      await pool.close();
    });
    // A claim of a definition without limits, beside them.
    const workerId = await registered(store, 600_000);
    await store.create(newSaga());
    const before = await rowsRead(pool);
    expect(await claimed(store, claimBy(workerId))).toHaveLength(1);
    const plain = (await rowsRead(pool)) - before;

    const limits = { concurrency: 10, perKey: null, rate: null };
    const definitions = [{ name: definition.name, version: 1, limits }];
    const looks: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      const from = await rowsRead(pool);
      const request = claimBy(workerId, { definitions, limit: n === 0 ? 1_000 : 5 });
      looks.push(await claimed(store, request).then((sagas) => sagas.length));
      looks.push((await rowsRead(pool)) - from);
    }
    console.log(
      `${PENDING} pending: a claim without limits reads ${plain} rows; looks with limits claim and read ${looks.join(', ')}`,
    );
    expect(plain).toBeLessThan(20);
    // The first look only finds that the definition has no gate yet.
    expect([looks[0], looks[2], looks[4]]).toEqual([0, 5, 5]);
    for (const read of [looks[1], looks[3], looks[5]]) expect(read).toBeLessThan(200);
    await store.deregister(workerId);

    global.gc?.();
    const heapBefore = process.memoryUsage().heapUsed;
    const engine = await engineOf(definition, '5s', own);
    await expect.poll(() => order.length, { timeout: 30_000 }).toBe(10);
    global.gc?.();
    const grownMb = (process.memoryUsage().heapUsed - heapBefore) / 2 ** 20;
    console.log(`a process beside ${PENDING} pending sagas: ${grownMb.toFixed(1)} MB more`);
    expect(grownMb).toBeLessThan(30);
    expect(order.filter((key) => key === 'small')).toHaveLength(1);
    await engine.stop({ timeout: 0 });
  },
);

test('a claim that another one overtook while it began counts what that one claimed, and takes no more than the limit', async () => {
  const definition = `overtaken-${newId()}`;
  const store = new PostgresSagaStore({ pool: database.pool });
  const limits = { concurrency: 1, perKey: null, rate: null };
  const asked = { definitions: [{ name: definition, version: 1, limits }] };
  await store.create(newSaga({ definition, limitKey: 'k' }));
  const [first, second] = [await registered(store), await registered(store)];
  // The first claim ever of a definition makes its row, and takes nothing yet.
  await admitSagas(database.pool, claimBy(first, asked));
  // The server's clock stands still for one of them: between what it sees and what it counts by.
  await database.pool.query(`
    CREATE SCHEMA slow;
    CREATE FUNCTION slow.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN pg_catalog.clock_timestamp(); END'`);
  const gate = await database.pool.connect();
  onTestFinished(() => gate.release(true));
  await gate.query('SELECT pg_advisory_lock(7)');
  const slow = inTransaction(database.pool, async (tx) => {
    await tx.query({ text: 'SET LOCAL search_path = slow, pg_catalog, public' });
    return admitSagas(tx, claimBy(second, asked));
  });
  await expect
    .poll(async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted`,
      );
      return rows.length;
    })
    .toBe(1);
  // It goes before the other, which is all that the claim on its way sees.
  const urgent = newSaga({ definition, limitKey: 'k', priority: 9 });
  await store.create(urgent);
  expect(await claimed(store, claimBy(first, asked))).toMatchObject([{ sagaId: urgent.sagaId }]);
  await gate.query('SELECT pg_advisory_unlock(7)');
  const admitted = await slow;
  expect(admitted.rows.filter(({ saga_id }) => saga_id !== null)).toEqual([]);
  // It has seen too little to know, and looks again at once.
  expect(admitted.lookAgainInMs).toBe(0);
  const { rows } = await database.pool.query<{ n: number }>(
    'SELECT count(*)::integer AS n FROM potter.sagas WHERE definition = $1 AND owner IS NOT NULL',
    [definition],
  );
  expect(rows[0]?.n).toBe(1);
  await store.close();
});
