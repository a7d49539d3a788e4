import { systemClock } from 'potter-runtime/foundation';
import { PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { saga, TwoPhaseCoordinator } from 'potter-runtime/sagas';
import { crashEverywhere, type LedgerClient } from 'potter-runtime/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { freshLog, participantDatabase } from './two-phase-databases.ts';
import { effectsIn, holding, imbalance, prepared } from './two-phase-shelves.ts';

let home: TestDatabase;
let east: TestDatabase;
let west: TestDatabase;
let store: PostgresSagaStore;

beforeAll(async () => {
  [home, east, west] = await Promise.all([
    createTestDatabase({ components: ['sagas', 'two-phase-commit'] }),
    participantDatabase(),
    participantDatabase(),
  ]);
  store = new PostgresSagaStore({ pool: home.pool });
});

afterAll(async () => {
  await store.close();
  await Promise.all([home.close(), east.close(), west.close()]);
});

test(
  'a saga over two databases, killed at every durable write of its own, forwards and back, reserves in both or in none',
  {
    timeout: 180_000,
  },
  async () => {
    const log = freshLog(home);
    const coordinator = new TwoPhaseCoordinator({
      log,
      participants: [prepared('east', east), holding('west', west)],
    });
    const released = new Set<string>();
    const scenario = (ledger: LedgerClient) => ({
      input: { quantity: 2 },
      definition: saga<{ readonly quantity: number }, PostgresTransaction>('two-databases')
        .twoPhaseCommit('reserve', {
          coordinator,
          branches: ({ sagaId, input }) =>
            ['east', 'west'].map((participant) => ({
              participant,
              work: { effect: sagaId, quantity: input.quantity },
            })),
          compensate: ({ sagaId }) => void released.add(sagaId),
        })
        .step('pay', {
          execute: ({ key }) => ledger.apply(key),
          compensate: ({ key }) => ledger.apply(key),
        })
        .build(),
    });
    const report = await crashEverywhere({
      scenario,
      store: () => store,
      clock: () => systemClock,
      engine: { poll: 50, lease: '8s' },
      check: async ({ sagaId, status }) => {
        const effects = [await effectsIn(east, sagaId), await effectsIn(west, sagaId)].join();
        const isWhole = effects === '1,1' || effects === '0,0';
        const isKept = effects === '1,1' && !released.has(sagaId);
        return isWhole && isKept === (status === 'completed')
          ? []
          : [`${status}: reserved ${effects}, released ${released.has(sagaId)}`];
      },
    });
    await coordinator.close();
    console.log(
      `saga over two databases: ${report.points} points at ${report.boundaries} writes, ${report.violations.length} violations`,
    );
    expect(report.violations).toEqual([]);
    expect(report.points).toBeGreaterThanOrEqual(30);
    for (const database of [east, west]) expect(await imbalance(database)).toBeUndefined();
  },
);
