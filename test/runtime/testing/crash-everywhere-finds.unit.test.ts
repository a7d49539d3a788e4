import { Rejection } from 'potter-runtime/errors';
import { type InMemoryTransaction, saga, signal } from 'potter-runtime/sagas';
import { crashEverywhere, interceptSagaStore, type LedgerClient } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';

/** A step as it should be, and one after it that refuses in one of the variants. */
function pair(
  ledger: LedgerClient,
  first: Readonly<{
    execute?: (call: { readonly key: string; readonly attempt: number }) => Promise<unknown>;
    compensate?: () => void;
  }> = {},
) {
  const apply = ({ key }: { readonly key: string }): Promise<unknown> => ledger.apply(key);
  return saga<null, InMemoryTransaction>('pair')
    .step('first', { execute: apply, compensate: apply, ...first })
    .step('second', { execute: apply, compensate: apply })
    .build();
}

function only(ledger: LedgerClient, isTransactional: boolean) {
  const builder = saga<null, InMemoryTransaction>('only');
  if (!isTransactional)
    return builder.step('a', { execute: ({ key }) => ledger.apply(key) }).build();
  return builder
    .transactionalStep('a', {
      execute: ({ key, tx }) => tx.onCommit(() => void ledger.apply(key)),
    })
    .build();
}

describe('the crash runner finds', () => {
  test.each<[string, (ledger: LedgerClient) => ReturnType<typeof pair>, string]>([
    [
      'an undo that tells nobody',
      (ledger) => pair(ledger, { compensate: () => {} }),
      'no lost undo',
    ],
    [
      'a step that says no when it is asked again',
      (ledger) =>
        pair(ledger, {
          execute: async ({ key, attempt }) => {
            if (attempt > 1) throw new Rejection('AGAIN', 'Not again.');
            return ledger.apply(key);
          },
        }),
      'a crash changes nothing about how a saga ends',
    ],
    [
      'a step that does nothing when it is asked again',
      (ledger) =>
        pair(ledger, {
          execute: async ({ key, attempt }) => (attempt > 1 ? null : ledger.apply(key)),
        }),
      'a crash changes nothing about what remains',
    ],
  ])('%s', async (_what, made, rule) => {
    const report = await crashEverywhere({
      scenario: (ledger) => ({ definition: made(ledger), input: null }),
    });
    expect(report.violations.map((found) => found.rule)).toContain(rule);
  });

  test('a saga that waits for what nobody tells it, and whatever else the scenario looks for', async () => {
    const stranded = await crashEverywhere({
      scenario: () => ({
        definition: saga<null>('asks').waitFor('word', signal('word', String)).build(),
        input: null,
      }),
      // It takes a day to be sure of it; nobody has to look often.
      engine: { lease: '12h', poll: '4h' },
      sample: 0,
    });
    expect(stranded.violations).toMatchObject([{ rule: 'nothing is stranded' }]);
    const checked = await crashEverywhere({
      scenario: (ledger) => ({ definition: pair(ledger), input: null }),
      check: ({ status }) => (status === 'completed' ? ['too good'] : []),
      sample: 0,
    });
    expect(checked.violations).toMatchObject([
      { rule: 'the check of the scenario', detail: 'too good', refusing: null, kills: [] },
    ]);
  });

  test('nothing in what is right, in which a write is made unless its process died before it', async () => {
    let creates = 0;
    const report = await crashEverywhere({
      scenario: (ledger) => ({ definition: pair(ledger), input: null }),
      plant: {
        store: (store) =>
          interceptSagaStore(store, (call, proceed) => {
            if (call.method === 'create') creates += 1;
            return proceed();
          }),
      },
    });
    expect(report.violations).toEqual([]);
    // Each life asks for the saga, one a reference run and two a point; but that is the first write of all, which in one
    // point a variant is not made.
    expect(creates).toBe(2 * report.points);
  });

  test('as many moments to die at where a result is written in a transaction as where it is not', async () => {
    const [plain, transactional] = await Promise.all(
      [false, true].map((isTransactional) =>
        crashEverywhere({
          scenario: (ledger) => ({ definition: only(ledger, isTransactional), input: null }),
        }),
      ),
    );
    expect(transactional?.violations).toEqual([]);
    expect(transactional?.boundaries).toBeGreaterThanOrEqual(plain?.boundaries ?? Infinity);
  });
});
