import { systemClock } from 'potter-runtime/foundation';
import { PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { saga } from 'potter-runtime/sagas';
import { crashEverywhere, type LedgerClient, sagaStoreContract } from 'potter-runtime/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

let database: TestDatabase;
let store: PostgresSagaStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas'] });
  await database.pool.query('CREATE TABLE shipments (saga_id text NOT NULL)');
  store = new PostgresSagaStore({ pool: database.pool });
});

afterAll(async () => {
  await store.close();
  await database.close();
});

const scenario = (ledger: LedgerClient) => ({
  input: { items: 2 },
  definition: saga<{ readonly items: number }, PostgresTransaction>('crash-everywhere', {
    snapshotEvery: 5,
  })
    .step('reserve', {
      execute: ({ key, input }) => ledger.apply(key, () => ({ reserved: input.items })),
      compensate: ({ key }) => ledger.apply(key),
    })
    .transactionalStep('ship', {
      execute: async ({ tx, sagaId, results }) => {
        await tx.query({ text: 'INSERT INTO shipments VALUES ($1)', values: [sagaId] });
        return results.reserve.reserved;
      },
      compensate: async ({ tx, sagaId }) => {
        await tx.query({ text: 'DELETE FROM shipments WHERE saga_id = $1', values: [sagaId] });
      },
    })
    .step('bill', {
      execute: ({ key }) => ledger.apply(key),
      compensate: ({ key }) => ledger.apply(key),
    })
    .build(),
});

describe('PostgreSQL saga store', () => {
  const rules = sagaStoreContract<PostgresTransaction>(() => ({
    store,
    expire: async (workerId) => {
      await database.pool.query({
        text: `UPDATE potter.saga_workers SET expires_at = now() - interval '1 second' WHERE worker_id = $1`,
        values: [workerId],
      });
    },
  }));

  test.each(rules)('$name', async ({ run }) => {
    await run();
    expect(rules.length).toBeGreaterThan(20);
  });

  test('a saga killed at every durable write, forwards and back, ends as if nothing had happened', async () => {
    const report = await crashEverywhere({
      scenario,
      store: () => store,
      clock: () => systemClock,
      engine: { poll: 50, lease: '8s' },
      check: async ({ sagaId, status }) => {
        const { rowCount } = await database.pool.query({
          text: 'SELECT FROM shipments WHERE saga_id = $1',
          values: [sagaId],
        });
        const expected = status === 'completed' ? 1 : 0;
        return rowCount === expected ? [] : [`${status} with ${rowCount} shipments`];
      },
    });
    console.log(
      `crash everywhere on PostgreSQL: ${report.boundaries} writes, ${report.points} points`,
    );
    expect(report.violations).toEqual([]);
    expect(report.points).toBeGreaterThan(60);
  }, 180_000);
});
