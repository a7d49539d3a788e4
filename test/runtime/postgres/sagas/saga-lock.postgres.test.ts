import { newId, systemClock } from 'potter-runtime/foundation';
import {
  createPool,
  inTransaction,
  PostgresSagaStore,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import { createSagaEngine, saga, type SagaEngine } from 'potter-runtime/sagas';
import { crashEverywhere } from 'potter-runtime/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { deferred } from '../../../support/deferred.ts';
import { EFFECTS_TABLE, effectsSaga, expectedEffects } from '../../../support/effects-saga.ts';
import { type SagaProcess, startSagaProcess } from '../../../support/saga-process.ts';
import {
  claimBy,
  claimed,
  completed,
  firstCommit,
  newSaga,
  registered,
  running,
} from './saga-fixtures.ts';

let database: TestDatabase;
let store: PostgresSagaStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas', 'fences'] });
  await database.pool.query(EFFECTS_TABLE);
  store = new PostgresSagaStore({ pool: database.pool });
});

afterAll(async () => {
  await store.close();
  await database.close();
});

/** An engine with a store of its own, as another process has. */
async function engineOf(
  definition: Parameters<typeof createSagaEngine<PostgresTransaction>>[0]['definitions'][number],
): Promise<SagaEngine<PostgresTransaction>> {
  const own = new PostgresSagaStore({ pool: database.pool });
  const engine = createSagaEngine({
    store: own,
    definitions: [definition],
    lease: 2_000,
    poll: 500,
  });
  await engine.run();
  onTestFinished(async () => {
    await engine.stop();
    await own.close();
  });
  return engine;
}

/** A saga that notes its name while it has its key. */
function noting(log: string[]) {
  return saga<{ readonly key: string; readonly name: string }, PostgresTransaction>(
    `n-${newId()}`,
    {
      lock: ({ input }) => input.key,
    },
  )
    .step('note', { execute: ({ input }) => void log.push(input.name) })
    .build();
}

test('sagas of several processes on one key run in the order in which they were accepted', async () => {
  const log: string[] = [];
  const definition = noting(log);
  const engines = [await engineOf(definition), await engineOf(definition)];
  const key = newId();
  const names = Array.from({ length: 30 }, (_, n) => `saga ${n}`);
  let last = '';
  for (const [n, name] of names.entries()) {
    const engine = engines[n % 2];
    const started = await engine?.start(definition, { key, name });
    last = started?.sagaId ?? '';
  }
  await engines[0]?.settled(last);
  expect(log).toEqual(names);
});

test('sagas that lock two keys in opposite orders, started by two processes at once, all end', async () => {
  const log: string[] = [];
  const definition = saga<{ readonly keys: readonly string[] }, PostgresTransaction>(
    `crossing-${newId()}`,
    { lock: ({ input }) => input.keys },
  )
    .step('note', { execute: ({ sagaId }) => void log.push(sagaId) })
    .build();
  const [one, two] = [await engineOf(definition), await engineOf(definition)];
  const [a, b] = [newId(), newId()];
  const started = await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      (n % 2 === 0 ? one : two).start(definition, { keys: n % 2 === 0 ? [a, b] : [b, a] }),
    ),
  );
  for (const { sagaId } of started) expect((await one.settled(sagaId)).status).toBe('completed');
  expect(log.toSorted()).toEqual(started.map(({ sagaId }) => sagaId).toSorted());
});

test('a place is taken in the caller’s transaction: whoever starts meanwhile is behind it, other sagas do not wait', async () => {
  const log: string[] = [];
  const definition = noting(log);
  const free = saga<null, PostgresTransaction>(`free-${newId()}`)
    .step('note', { execute: () => void log.push('free') })
    .build();
  const engine = createSagaEngine({ store, definitions: [definition, free] });
  await engine.run();
  onTestFinished(() => engine.stop());
  const key = newId();
  const open = deferred();
  const placed = deferred();
  const first = inTransaction(database.pool, async (transaction) => {
    const started = await engine.start(definition, { key, name: 'first' }, { transaction });
    placed.resolve();
    await open.promise;
    return started;
  });
  await placed.promise;
  const second = engine.start(definition, { key, name: 'second' });
  const { sagaId } = await engine.start(free, null);
  await engine.settled(sagaId);
  expect(log).toEqual(['free']);
  open.resolve();
  await first;
  await engine.settled((await second).sagaId);
  expect(log).toEqual(['free', 'first', 'second']);
});

test('a start that rolls back leaves no place behind', async () => {
  const log: string[] = [];
  const definition = noting(log);
  const engine = await engineOf(definition);
  const key = newId();
  const failing = inTransaction(database.pool, async (transaction) => {
    await engine.start(definition, { key, name: 'never' }, { transaction });
    throw new Error('changed my mind');
  });
  await expect(failing).rejects.toThrow('changed my mind');
  const { sagaId } = await engine.start(definition, { key, name: 'only' });
  await engine.settled(sagaId);
  const { rows } = await database.pool.query('SELECT FROM potter.saga_lock_keys WHERE key = $1', [
    key,
  ]);
  expect([log, rows.length]).toEqual([['only'], 0]);
});

/** Sagas in the order of their effects; one that comes twice was interrupted by another. */
async function runsOf(prefixes: readonly string[]): Promise<readonly string[]> {
  const { rows } = await database.pool.query<{ saga_id: string }>(
    'SELECT saga_id FROM effects WHERE split_part(saga_id, $2, 1) = ANY($1) ORDER BY no',
    [prefixes, '-'],
  );
  return rows.map((row) => row.saga_id).filter((id, at, all) => id !== all[at - 1]);
}

test(
  'four processes start sagas on one key, and the one that holds it is killed: one at a time, in order, nobody forgotten',
  { timeout: 120_000 },
  async () => {
    const key = newId();
    const count = 8;
    const processes: SagaProcess[] = await Promise.all(
      Array.from({ length: 4 }, () =>
        startSagaProcess(database.url, { LOCK: key, COUNT: String(count), LEASE_MS: '1000' }),
      ),
    );
    onTestFinished(async () => {
      for (const one of processes) one.kill('SIGKILL');
      await Promise.all(processes.map(({ ended }) => ended));
    });
    await Promise.all(processes.map((one) => one.said('all accepted')));
    const { rows } = await database.pool.query<{ owner: string; pid: string }>(
      `SELECT s.owner, split_part(s.saga_id, '-', 1) AS pid FROM potter.sagas s
       JOIN potter.saga_locks l USING (saga_id) WHERE l.key = $1 ORDER BY l.position LIMIT 1`,
      [key],
    );
    const victim =
      processes.find(({ child }) => String(child.pid) === rows[0]?.pid) ?? processes[0];
    victim?.kill('SIGKILL');
    const definition = effectsSaga(database.pool);
    const engine = createSagaEngine({ store, definitions: [definition], lease: 1_000, poll: 200 });
    await engine.run();
    onTestFinished(() => engine.stop());
    const pids = processes.map(({ child }) => String(child.pid));
    const ids = pids.flatMap((pid) => Array.from({ length: count }, (_, n) => `${pid}-${n}`));
    for (const id of ids) {
      const { status } = await engine.settled(id);
      const { rows: effects } = await database.pool.query<{ key: string }>(
        'SELECT key FROM effects WHERE saga_id = $1 ORDER BY no',
        [id],
      );
      expect(['completed', 'compensated']).toContain(status);
      expect(effects.map((row) => row.key)).toEqual(
        expectedEffects(id, status === 'completed' ? status : 'compensated'),
      );
    }
    const runs = await runsOf(pids);
    expect(runs.toSorted()).toEqual(ids.toSorted());
    for (const pid of pids) {
      expect(runs.filter((id) => id.startsWith(`${pid}-`))).toEqual(
        Array.from({ length: count }, (_, n) => `${pid}-${n}`),
      );
    }
  },
);

test('killed at every durable write, forwards and back, a saga with locks and limits ends as if nothing had happened, and leaves no key behind', async () => {
  const keys = [newId(), newId()];
  const report = await crashEverywhere<null, PostgresTransaction>({
    store: () => store,
    clock: () => systemClock,
    engine: { poll: 50, lease: '8s' },
    scenario: (ledger) => ({
      input: null,
      definition: saga<null, PostgresTransaction>('crash-locked', {
        lock: () => keys,
        limits: { concurrency: 1, perKey: { key: () => 'all' } },
      })
        .step('reserve', {
          execute: ({ key }) => ledger.apply(key),
          compensate: ({ key }) => ledger.apply(key),
        })
        .transactionalStep('note', { execute: () => null, compensate: () => null })
        .build(),
    }),
  });
  console.log(`a saga with locks and limits: ${report.boundaries} writes, ${report.points} points`);
  expect(report.violations).toEqual([]);
  expect(report.points).toBeGreaterThan(40);
  const { rows } = await database.pool.query(
    'SELECT key FROM potter.saga_locks WHERE key = ANY($1) UNION ALL SELECT key FROM potter.saga_lock_keys WHERE key = ANY($1)',
    [keys],
  );
  expect(rows).toEqual([]);
}, 120_000);

test('a saga without locks, limits and priority asks nothing about them, and opens no transaction', async () => {
  const asked: string[] = [];
  const asking = <Client extends object>(client: Client): Client =>
    new Proxy(client, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: readonly unknown[]): unknown => {
          const [statement] = args as readonly [{ name?: string; text?: string } | undefined];
          if (name === 'query') asked.push(statement?.name ?? statement?.text?.slice(0, 5) ?? '');
          const result: unknown = Reflect.apply(value, target, args);
          return name === 'connect' ? (result as Promise<object>).then(asking) : result;
        };
      },
    });
  const pool = asking(database.pool);
  const own = new PostgresSagaStore({ pool });
  const definition = saga<null, PostgresTransaction>(`plain-${newId()}`)
    .step('only', { execute: () => null })
    .build();
  const engine = createSagaEngine({ store: own, definitions: [definition] });
  await engine.run();
  onTestFinished(async () => {
    await engine.stop();
    await own.close();
  });
  asked.length = 0;
  await engine.settled((await engine.start(definition, null)).sagaId);
  expect(asked.length).toBeGreaterThan(1);
  expect(asked.filter((name) => /lock|rank|admit|limits|version|BEGIN/.test(name))).toEqual([]);
});

test('a saga that ends looks at the front of its queue only, however many wait behind', async () => {
  // One connection, which can be made to tell its statistics; others tell theirs late, and have no part in this database.
  const own = await createTestDatabase({ components: ['sagas'] });
  const pool = createPool(own.url, { maxConnections: 1 });
  const alone = new PostgresSagaStore({ pool });
  onTestFinished(async () => {
    await alone.close();
    await pool.close();
    await own.close();
  });
  const key = newId();
  const workerId = await registered(alone, 600_000);
  const asleep = { definition: key, locks: [key], summary: running({ wakeAt: null }) };
  const rowsRead = async (): Promise<number> => {
    await pool.query({ text: 'SELECT pg_stat_force_next_flush()' });
    const { rows } = await pool.query<{ n: string }>({
      text: `SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) AS n FROM pg_stat_user_tables WHERE relname = 'saga_locks'`,
    });
    return Number(rows[0]?.n);
  };
  const end = async (): Promise<number> => {
    const definitions = [{ name: key, version: 1 }];
    const [held] = await claimed(alone, claimBy(workerId, { definitions }));
    if (!held) throw new Error('Nobody has the key.');
    const before = await rowsRead();
    const over = { summary: completed(), release: true, inboxSeen: 1n };
    const lock = { kind: 'leave', keys: [key] } as const;
    await alone.commit(firstCommit(held.sagaId, held.lease, { ...over, lock }));
    return (await rowsRead()) - before;
  };
  await Promise.all(Array.from({ length: 2_001 }, () => alone.create(newSaga(asleep))));
  await own.pool.query('ANALYZE potter.saga_locks');
  const read = await end();
  console.log(`rows of queues read by the end of a saga with 2000 waiting behind: ${read}`);
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThanOrEqual(6);
});
