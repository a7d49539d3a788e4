import { noRetry } from 'potter-runtime/foundation';
import { PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { createSagaEngine, saga, type SagaEngine } from 'potter-runtime/sagas';
import { interceptSagaStore } from 'potter-runtime/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { deferred } from '../../../support/deferred.ts';
import { newSaga, running } from './saga-fixtures.ts';

let database: TestDatabase;
let store: PostgresSagaStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas'] });
  await database.pool.query('CREATE TABLE written (key text NOT NULL)');
  store = new PostgresSagaStore({ pool: database.pool });
});

afterAll(async () => {
  await store.close();
  await database.close();
});

const log: string[] = [];
let broken = true;

/** Its last step is broken until a person mends it. */
const order = saga<{ readonly n: number }, PostgresTransaction>('operated', { snapshotEvery: 3 })
  .step('reserve', {
    execute: ({ key }) => void log.push(key),
    compensate: ({ key }) => void log.push(key),
  })
  .transactionalStep('write', {
    execute: async ({ tx, key }) => {
      await tx.query({ text: 'INSERT INTO written VALUES ($1)', values: [key] });
    },
    compensate: ({ tx, key }) =>
      tx.query({
        text: 'DELETE FROM written WHERE key = $1',
        values: [key.replace(/undo$/, 'do')],
      }),
  })
  .step('bill', {
    execute: ({ key, input }) => {
      log.push(key);
      if (broken) throw new TypeError('bug');
      return input.n;
    },
    compensate: ({ key }) => void log.push(key),
    retry: noRetry,
  })
  .build();

function engineOn(
  of: typeof store | ReturnType<typeof interceptSagaStore<PostgresTransaction>> = store,
): SagaEngine<PostgresTransaction> {
  // A lease that a busy machine does not lose: what is counted here would be done again.
  return createSagaEngine({ store: of, definitions: [order], lease: '1m', poll: 50 });
}

async function failedSaga(engine: SagaEngine<PostgresTransaction>): Promise<string> {
  broken = true;
  const { sagaId } = await engine.start(order, { n: 1 });
  expect((await engine.settled(sagaId)).status).toBe('failed');
  return sagaId;
}

/** Waits until a saga's journal has an event of this type; what settles it may come after what it settled by before. */
async function happened(sagaId: string, type: string): Promise<void> {
  const stop = new AbortController();
  for await (const { event } of store.follow(sagaId, { after: 0n, signal: stop.signal })) {
    if (event.type === type) return stop.abort();
  }
}

describe('operations on PostgreSQL', () => {
  test('edit, rewind and undo are done by another process than the one that was told', async () => {
    await using runner = engineOn();
    await runner.run();
    const operator = createSagaEngine({ store, definitions: [] });
    const sagaId = await failedSaga(runner);
    broken = false;
    await operator.edit(sagaId, { n: 7 }, { merge: true, by: 'ann' });
    await operator.rewind(sagaId, 'write', { by: 'ann', reason: 'wrong n' });
    await happened(sagaId, 'SagaCompleted');
    expect((await operator.get(sagaId)).results).toMatchObject({ bill: 7 });
    const { rows } = await database.pool.query<{ key: string }>('SELECT key FROM written');
    expect(rows).toEqual([{ key: `${sagaId}/write~1/do` }]);
    await operator.undo(sagaId);
    await happened(sagaId, 'SagaCompensated');
    expect((await database.pool.query('SELECT FROM written')).rowCount).toBe(0);
    const asked = (await store.journal(sagaId)).flatMap(({ event }) =>
      'messageId' in event ? [`${event.type} ${event.by ?? '-'} ${event.reason ?? '-'}`] : [],
    );
    expect(asked).toEqual(['InputEdited ann -', 'RewindStarted ann wrong n', 'UndoRequested - -']);
  });

  test('a message whose process dies before it is journaled is done by the next', async () => {
    const dead = deferred();
    const silenced = interceptSagaStore<PostgresTransaction>(store, async (call, proceed) => {
      const commit = call.arguments[0] as { readonly events?: readonly { type: string }[] };
      const resumes = commit.events?.some(({ type }) => type === 'SagaResumed') === true;
      if (call.method !== 'commit' || !resumes) return proceed();
      dead.resolve();
      return new Promise(() => {});
    });
    const first = engineOn(silenced);
    await first.run();
    const sagaId = await failedSaga(first);
    broken = false;
    await first.resume(sagaId, { messageId: 'once' });
    await dead.promise;
    await first.resume(sagaId, { messageId: 'once' });
    await using second = engineOn();
    await second.run();
    await first.stop({ timeout: 0 });
    await happened(sagaId, 'SagaCompleted');
    const resumed = (await store.journal(sagaId)).filter(
      ({ event }) => event.type === 'SagaResumed',
    );
    expect(resumed).toHaveLength(1);
  });

  test('of the same message sent many times at once one is heard', async () => {
    await using engine = engineOn();
    await engine.run();
    const sagaId = await failedSaga(engine);
    await Promise.all(
      Array.from({ length: 8 }, () =>
        engine.rewind(sagaId, 'reserve', { messageId: `rewind-${sagaId}` }),
      ),
    );
    await happened(sagaId, 'Rewound');
    await engine.settled(sagaId);
    const keys = log.filter((key) => key.startsWith(sagaId) && key.endsWith('reserve/undo'));
    expect(keys).toHaveLength(1);
  });

  test('lists of what is not over read the index that has nothing else, page after page', async () => {
    const definition = 'listed';
    for (let n = 0; n < 3_000; n += 1) {
      const over = n % 100 !== 0;
      void store.create(
        newSaga({
          definition,
          summary: over
            ? running({ status: 'completed', wakeAt: null, finishedAt: new Date(), accepts: 0 })
            : running({ status: 'failed', wakeAt: null }),
        }),
      );
    }
    const last = newSaga({ definition });
    await store.create(last);
    await database.pool.query('ANALYZE potter.sagas');
    const { rows } = await database.pool.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT s.saga_id FROM potter.sagas s
       WHERE s.saga_id > 'a' AND s.status = ANY('{failed}') AND s.finished_at IS NULL
       ORDER BY s.saga_id LIMIT 10`,
    );
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('sagas_open');
    const found = await store.list({ definition, status: ['failed'] }, { limit: 1_000 });
    expect(found).toHaveLength(30);
    expect((await store.backlog([], new Date())).failed).toBeGreaterThanOrEqual(30);
  });
});
