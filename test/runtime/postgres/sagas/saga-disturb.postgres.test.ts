import { simpleRetry, systemClock } from 'potter-runtime/foundation';
import {
  fence,
  inTransaction,
  PostgresSagaStore,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import { saga } from 'potter-runtime/sagas';
import { disturbEverywhere, type DisturbReport } from 'potter-runtime/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';

let database: TestDatabase;
let store: PostgresSagaStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas', 'fences'] });
  await database.pool.query('CREATE TABLE seats (saga_id text NOT NULL)');
  await database.pool.query('CREATE TABLE notes (saga_id text NOT NULL)');
  store = new PostgresSagaStore({ pool: database.pool });
});

afterAll(async () => {
  await store.close();
  await database.close();
});

type Around = (tx: PostgresTransaction, key: string, work: () => Promise<void>) => unknown;

const countOf = async (table: 'seats' | 'notes', sagaId: string): Promise<number> => {
  const { rowCount } = await database.pool.query(`SELECT FROM ${table} WHERE saga_id = $1`, [
    sagaId,
  ]);
  return rowCount ?? 0;
};

/** A saga that books a seat with a participant that has a database of its own, and notes it in the saga's own. */
function disturbed(around: Around): Promise<DisturbReport> {
  const policy = {
    retry: simpleRetry({ maxAttempts: 4, delay: 20 }),
    compensateRetry: simpleRetry({ maxAttempts: 20, delay: 20 }),
  };
  const change = (key: string, text: string, sagaId: string) =>
    inTransaction(database.pool, async (tx) => {
      await around(tx, key, async () => void (await tx.query({ text, values: [sagaId] })));
    });
  const INSERT = 'INSERT INTO seats VALUES ($1)';
  const DELETE =
    'DELETE FROM seats WHERE ctid IN (SELECT ctid FROM seats WHERE saga_id = $1 LIMIT 1)';
  return disturbEverywhere({
    scenario: () => ({
      input: null,
      definition: saga<null, PostgresTransaction>('booking')
        .step('book', {
          execute: async ({ key, sagaId }) => {
            await change(key, INSERT, sagaId);
          },
          compensate: ({ key, sagaId }) => change(key, DELETE, sagaId),
          ...policy,
        })
        .transactionalStep('note', {
          execute: async ({ tx, sagaId }) => {
            await tx.query({ text: 'INSERT INTO notes VALUES ($1)', values: [sagaId] });
          },
          compensate: ({ tx, sagaId }) =>
            tx.query({ text: 'DELETE FROM notes WHERE saga_id = $1', values: [sagaId] }),
          ...policy,
        })
        .build(),
    }),
    store: () => store,
    clock: () => systemClock,
    engine: { poll: 50, lease: '30s', keep: '1s', grace: 50 },
    check: async ({ sagaId, status }) => {
      const wanted = status === 'completed' ? 1 : 0;
      const found = [await countOf('seats', sagaId), await countOf('notes', sagaId)];
      const right = found.every((count) => count === wanted);
      return right ? [] : [`${found.join(' seats and ')} notes, and the saga is ${status}`];
    },
  });
}

test('a participant behind a fence, and a step in the saga’s own database, take every disturbance', async () => {
  const started = performance.now();
  const report = await disturbed((tx, key, work) => fence(tx, key, work));
  const took = Math.round(performance.now() - started);
  console.log(
    `disturb everywhere on PostgreSQL: ${report.calls} calls, ${report.runs} runs in ${took} ms`,
  );
  expect(report.violations).toEqual([]);
  expect(report.runs).toBeGreaterThan(20);
});

test('one without is found out', async () => {
  const { violations } = await disturbed((_tx, _key, work) => work());
  const found = violations.filter(({ call }) => call === '/book/do');
  expect(new Set(found.map(({ disturbance }) => disturbance))).toEqual(
    new Set(['twice', 'lost', 'late', 'overtaken']),
  );
});
