import { Rejection } from 'potter-runtime/errors';
import { crashEverywhere, type LedgerClient } from 'potter-runtime/testing';
import { expect, test } from 'vitest';
import { demoSagas } from '../../src/application/demo-sagas.ts';
import type { Tasks } from '../../src/application/tasks.ts';

/** A service that keeps a ledger: each call has its effect once per key, as the real one has with its fences. */
function tasksOn(ledger: LedgerClient): Tasks {
  return {
    perform: async ({ key }, { impossible }) => {
      if (impossible) throw new Rejection('TASK_REFUSED', 'No.');
      return ledger.apply(key, () => ({ taskId: 'task-1' }));
    },
    undo: ({ key }) => ledger.apply(key),
  };
}

test.each([
  ['simple-saga', 'completed'],
  ['failing-saga', 'compensated'],
] as const)('a %s killed before, during and after every write ends %s', async (name, end) => {
  const report = await crashEverywhere({
    scenario: (ledger) => ({ definition: demoSagas(tasksOn(ledger))[name], input: {} }),
    check: ({ status }) =>
      status === end || status === 'compensated' ? [] : [`the saga is ${status}`],
  });
  expect(report.violations).toEqual([]);
  expect(report.points).toBeGreaterThan(10);
});
