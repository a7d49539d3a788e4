import { systemClock } from 'potter-runtime/foundation';
import {
  PostgresSagaStore,
  type PostgresTransaction,
  PostgresTwoPhaseLog,
} from 'potter-runtime/postgres';
import { crashEverywhere, type LedgerClient, sagaStoreContract } from 'potter-runtime/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { isFullRun } from '../../../support/full-run.ts';
import { approve, referenceSaga } from '../../../support/reference-saga.ts';
import { halfTogether, togetherInMemory } from '../../../support/reference-together.ts';

/** Some of the points, evenly, or all of them for those who ask for it. */
const POINTS = isFullRun ? Infinity : 100;

let database: TestDatabase;
let store: PostgresSagaStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas', 'two-phase-commit'] });
  await database.pool.query('CREATE TABLE shipments (saga_id text NOT NULL, key text NOT NULL)');
  store = new PostgresSagaStore({ pool: database.pool });
});

afterAll(async () => {
  await store.close();
  await database.close();
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
    const log = new PostgresTwoPhaseLog({ pool: database.pool });
    const report = await crashEverywhere({
      scenario: (ledger: LedgerClient) => ({
        input: { items: 2 },
        definition: referenceSaga<PostgresTransaction>(
          {
            apply: (key) => ledger.apply(key, () => key),
            applyIn: async (tx, key) => {
              const text = 'INSERT INTO shipments (saga_id, key) VALUES ($1, $2)';
              await tx.query({ text, values: [key.split('/')[0], key] });
            },
            together: togetherInMemory((key) => ledger.apply(key), log),
          },
          { sleep: 5, patience: '1m', firstRetry: 20 },
        ),
      }),
      tell: approve,
      store: () => store,
      clock: () => systemClock,
      engine: { poll: 50, lease: '8s' },
      sample: POINTS,
      // What is written in the transaction of the journal needs no participant that honours keys.
      check: async ({ sagaId, status }) => {
        const { rows } = await database.pool.query<{ key: string; n: number }>({
          text: 'SELECT key, count(*)::int AS n FROM shipments WHERE saga_id IN ($1, $2) GROUP BY 1',
          values: [sagaId, `${sagaId}::deliver`],
        });
        const twice = rows.filter(({ n }) => n > 1).map(({ key }) => `${key} was written twice`);
        const written = rows.map(({ key }) => key);
        const kept = written.filter(
          (key) => key.endsWith('/do') && !written.includes(key.replace(/do$/, 'undo')),
        );
        const expected = status === 'compensated' ? 0 : 2;
        const right = kept.length === expected;
        const half = await halfTogether(sagaId, log);
        return [...twice, ...half, ...(right ? [] : [`${status} with ${written.join(', ')}`])];
      },
    });
    console.log(
      `crash everywhere on PostgreSQL: ${report.boundaries} writes, ${report.variants} variants, ${report.points} points, ${report.deaths} deaths, ${report.violations.length} violations`,
    );
    expect(report.violations).toEqual([]);
    expect(report.points).toBeGreaterThanOrEqual(100);
    expect(report.deaths).toBeGreaterThan(report.points * 0.9);
  }, 1_200_000);
});
