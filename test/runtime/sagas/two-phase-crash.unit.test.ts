import type { Clock } from 'potter-runtime/foundation';
import {
  InMemorySagaStore,
  type InMemoryTransaction,
  InMemoryTwoPhaseLog,
  saga,
  TwoPhaseCoordinator,
} from 'potter-runtime/sagas';
import {
  crashEverywhere,
  FakeTwoPhaseParticipant,
  type LedgerClient,
} from 'potter-runtime/testing';
import { expect, test } from 'vitest';

test('killed at every durable write, forwards and back, a saga with a two-phase commit step ends all or nothing', async () => {
  let participants: readonly FakeTwoPhaseParticipant[] = [];
  let log = new InMemoryTwoPhaseLog();
  let time: Clock | undefined;
  const world = (clock: Clock): InMemorySagaStore => {
    time = clock;
    log = new InMemoryTwoPhaseLog({ clock });
    participants = ['east', 'west'].map((name) => new FakeTwoPhaseParticipant(name, { clock }));
    return new InMemorySagaStore({ clock });
  };
  const scenario = (ledger: LedgerClient) => {
    const coordinator = new TwoPhaseCoordinator({
      log,
      participants,
      ...(time && { clock: time }),
      random: () => 0.5,
    });
    const definition = saga<{ readonly quantity: number }, InMemoryTransaction>('stock')
      .step('validate', {
        execute: ({ key }) => ledger.apply(key),
        compensate: ({ key }) => ledger.apply(key),
      })
      .twoPhaseCommit('reserve', {
        coordinator,
        branches: ({ input, sagaId }) =>
          participants.map(({ name }) => ({ participant: name, work: { sagaId, ...input } })),
        compensate: async ({ key, result }) => {
          // The do is the commit of all.
          await ledger.apply(key.replace(/undo$/, 'do'));
          await ledger.apply(key, () => result.transactionId);
        },
      })
      .step('pay', {
        execute: ({ key }) => ledger.apply(key),
        compensate: ({ key }) => ledger.apply(key),
      })
      .build();
    return { definition, input: { quantity: 2 } };
  };
  const report = await crashEverywhere({
    scenario,
    store: world,
    check: ({ status, results }) => {
      const found = participants.map(({ committed, held }) => `${committed.length}/${held.length}`);
      const all = status === 'completed' ? 'reserve' in results : true;
      const isOne = new Set(found).size === 1 && found.every((one) => one.endsWith('/0'));
      return all && isOne ? [] : [`${status}: committed and held are ${found.join(', ')}`];
    },
  });
  console.log(
    `saga with a two-phase commit step: ${report.points} points at ${report.boundaries} writes, ${report.violations.length} violations`,
  );
  expect(report.violations).toEqual([]);
  expect(report.variants).toBe(4);
  expect(report.points).toBeGreaterThan(50);
});
