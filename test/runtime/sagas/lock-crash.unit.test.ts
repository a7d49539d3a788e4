import { type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { crashEverywhere } from 'potter-runtime/testing';
import { expect, test } from 'vitest';

test('killed at every durable write, forwards and back, a saga with a lock ends as if nothing had happened', async () => {
  const report = await crashEverywhere<null, InMemoryTransaction>({
    scenario: (ledger) => ({
      input: null,
      definition: saga<null, InMemoryTransaction>('crash-locked', { lock: () => ['a', 'b'] })
        .step('reserve', {
          execute: ({ key }) => ledger.apply(key),
          compensate: ({ key }) => ledger.apply(key),
        })
        .step('bill', {
          execute: ({ key }) => ledger.apply(key),
          compensate: ({ key }) => ledger.apply(key),
        })
        .build(),
    }),
  });
  expect(report.violations).toEqual([]);
  expect(report.points).toBeGreaterThan(40);
});
