import { newId } from 'potter-runtime/foundation';
import { PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { createSagaEngine, saga, type SagaEngine } from 'potter-runtime/sagas';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { deferred } from '../../../support/deferred.ts';
import { EFFECTS_TABLE, effectsSaga, expectedEffects } from '../../../support/effects-saga.ts';
import { questionsTooMany } from '../../../support/idle.ts';
import { quickest } from '../../../support/quickest.ts';
import { startSagaProcess } from '../../../support/saga-process.ts';

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

async function running(poll: '100ms' | '1s' = '100ms'): Promise<SagaEngine<PostgresTransaction>> {
  const definitions = [effectsSaga(database.pool)];
  const engine = createSagaEngine({ store, definitions, lease: poll === '1s' ? '8s' : 500, poll });
  await engine.run();
  onTestFinished(() => engine.stop());
  return engine;
}

async function effectsOf(sagaId: string): Promise<readonly string[]> {
  const { rows } = await database.pool.query<{ key: string }>(
    'SELECT key FROM effects WHERE saga_id = $1 ORDER BY no',
    [sagaId],
  );
  return rows.map(({ key }) => key);
}

/** Until another process than the one that started a saga has it, or had it. */
async function untilTakenOver(sagaId: string): Promise<void> {
  const look = async (): Promise<number> => {
    const { rows } = await database.pool.query<{ token: string }>(
      'SELECT token FROM potter.sagas WHERE saga_id = $1',
      [sagaId],
    );
    return Number(rows[0]?.token);
  };
  await expect.poll(look, { interval: 10, timeout: 30_000 }).toBeGreaterThan(1);
}

test('a worker stopped past its lease and woken again commits nothing; the one that took over finishes alone', async () => {
  const sagaId = newId();
  const stopped = await startSagaProcess(database.url, { START: sagaId, STEP_MS: '1000' });
  onTestFinished(() => stopped.kill('SIGKILL'));
  await stopped.said(`accepted ${sagaId}`);
  stopped.kill('SIGSTOP');
  const engine = await running();
  const view = await engine.settled(sagaId);
  const journal = await store.journal(sagaId);
  stopped.kill('SIGCONT');
  // It wakes up in the middle of a step, finishes it, and is refused; then it hears that the saga is over.
  await stopped.said('settled');
  expect(view.status).toBe('completed');
  expect(await store.journal(sagaId)).toEqual(journal);
  expect(await effectsOf(sagaId)).toEqual(expectedEffects(sagaId, 'completed'));
});

test('a transactional step whose worker lost its lease meanwhile rolls back', async () => {
  const gate = deferred();
  const begun = deferred();
  const ran: string[] = [];
  const definition = saga<{ readonly n: number }, PostgresTransaction>(`tx-${newId()}`)
    .transactionalStep('write', {
      execute: async ({ tx, sagaId, key, attempt }) => {
        await tx.query({
          text: 'INSERT INTO effects (saga_id, key) VALUES ($1, $2)',
          values: [sagaId, `${key} attempt ${attempt}`],
        });
        ran.push(`attempt ${attempt}`);
        if (attempt > 1) return null;
        begun.resolve();
        await gate.promise;
        return null;
      },
    })
    .build();
  const options = { store, definitions: [definition], lease: '30s', poll: 100 } as const;
  const slow = createSagaEngine({ ...options, workerId: newId() });
  const other = createSagaEngine({ ...options, workerId: newId() });
  onTestFinished(async () => {
    await Promise.all([slow.stop(), other.stop()]);
  });
  await slow.run();
  const { sagaId } = await slow.start(definition, { n: 1 });
  await begun.promise;
  await other.run();
  // What a stopped process looks like from outside: its lease is over, and it does not know.
  await database.pool.query(
    `UPDATE potter.saga_workers SET expires_at = '-infinity'
     WHERE worker_id = (SELECT owner FROM potter.sagas WHERE saga_id = $1)`,
    [sagaId],
  );
  await expect.poll(() => ran).toEqual(['attempt 1', 'attempt 2']);
  gate.resolve();
  expect((await other.settled(sagaId)).status).toBe('completed');
  expect(await effectsOf(sagaId)).toEqual([`${sagaId}/write/do attempt 2`]);
});

test('with a lease of 500 ms a killed worker’s saga goes on within lease and poll', async () => {
  const engine = await running();
  const tookMs = await quickest(1_500, async () => {
    const sagaId = newId();
    const killed = await startSagaProcess(database.url, { START: sagaId, STEP_MS: '60000' });
    await killed.said(`accepted ${sagaId}`);
    const killedAt = performance.now();
    killed.kill('SIGKILL');
    await untilTakenOver(sagaId);
    const took = performance.now() - killedAt;
    await engine.cancel(sagaId);
    return took;
  });
  console.log(`takeover after SIGKILL, lease 500 ms, poll 100 ms: ${Math.round(tookMs)} ms`);
  expect(tookMs).toBeLessThan(1_500);
});

test('a worker that stops gracefully hands over at once, without its lease running out', async () => {
  const engine = await running('1s');
  const tookMs = await quickest(1_000, async () => {
    const sagaId = newId();
    // It is told to stop in the middle of its first step, ends that, and leaves the others to the next owner.
    const leaving = await startSagaProcess(database.url, {
      START: sagaId,
      STEP_MS: '2000',
      LEASE_MS: '60000',
    });
    await leaving.said(`accepted ${sagaId}`);
    leaving.kill('SIGTERM');
    await leaving.said('stopped');
    const leftAt = performance.now();
    await untilTakenOver(sagaId);
    const took = performance.now() - leftAt;
    expect((await engine.settled(sagaId)).status).toBe('completed');
    expect(await effectsOf(sagaId)).toEqual(expectedEffects(sagaId, 'completed'));
    return took;
  });
  console.log(`hand-over after SIGTERM: ${Math.round(tookMs)} ms`);
  expect(tookMs).toBeLessThan(1_000);
});

test('an idle process asks the database at most once a second', async () => {
  let queries = 0;
  const pool = new Proxy(database.pool, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name === 'query') queries += 1;
      return value.bind(target) as unknown;
    },
  });
  const idle = new PostgresSagaStore({ pool });
  const engine = createSagaEngine({ store: idle, definitions: [effectsSaga(database.pool)] });
  await engine.run();
  await expect.poll(() => queries).toBeGreaterThan(0);
  const tooMany = await questionsTooMany(() => queries);
  await engine.stop();
  await idle.close();
  expect(tooMany).toBeLessThan(1);
});
