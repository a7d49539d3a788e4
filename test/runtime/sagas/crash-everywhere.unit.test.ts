import type { InMemoryTransaction } from 'potter-runtime/sagas';
import { saga } from 'potter-runtime/sagas';
import { crashEverywhere, type LedgerClient } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';

/** Five steps, as an order has them, one of them without an undo: the last writes to the saga's own database. */
function orderScenario(ledger: LedgerClient) {
  const definition = saga<{ readonly items: number }, InMemoryTransaction>('order', {
    snapshotEvery: 5,
  })
    .step('reserve-inventory', {
      execute: ({ key, input }) => ledger.apply(key, () => ({ reserved: input.items })),
      compensate: ({ key }) => ledger.apply(key),
    })
    .step('process-payment', {
      execute: ({ key, results }) =>
        ledger.apply(key, () => ({ paid: results['reserve-inventory'].reserved * 100 })),
      compensate: ({ key }) => ledger.apply(key),
    })
    .step('create-shipment', {
      execute: ({ key }) => ledger.apply(key, () => 'shipment-1'),
      compensate: ({ key }) => ledger.apply(key),
    })
    .step('send-invoice', { execute: ({ key }) => ledger.apply(key) })
    .transactionalStep('complete-order', {
      execute: ({ tx, key, results }) => {
        tx.onCommit(() => void ledger.apply(key));
        return results['process-payment'].paid;
      },
      compensate: ({ tx, key }) => tx.onCommit(() => void ledger.apply(key)),
    })
    .build();
  return { definition, input: { items: 2 } };
}

describe('crash everywhere', () => {
  test('a saga killed at every durable write, forwards and back, ends as if nothing had happened', async () => {
    const started = performance.now();
    const report = await crashEverywhere({ scenario: orderScenario });
    console.log(
      `crash everywhere: ${report.boundaries} writes, ${report.points} points, ${report.variants} variants, ${Math.round(performance.now() - started)} ms`,
    );
    expect(report.violations).toEqual([]);
    expect(report.variants).toBe(6);
    // 5 steps are 6 commits, the last step is 1 transaction, and each refusal undoes what was begun.
    expect(report.boundaries).toBeGreaterThan(30);
    expect(report.points).toBe(report.boundaries * 3);
  });

  test('a saga killed again at every write of its recovery ends so too', async () => {
    const report = await crashEverywhere({ scenario: orderScenario, crashes: 2 });
    console.log(`two crashes: ${report.points} points`);
    expect(report.violations).toEqual([]);
    expect(report.points).toBeGreaterThan(2_000);
  }, 120_000);
});
