import type { InMemoryTransaction, SagaEngine } from 'potter-runtime/sagas';
import { crashEverywhere, type CrashReport, type LedgerClient } from 'potter-runtime/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { isFullRun } from '../../support/full-run.ts';
import { approval, REFERENCE_STEPS, referenceSaga } from '../../support/reference-saga.ts';
import { halfTogether, togetherInMemory } from '../../support/reference-together.ts';

const PAIRS = isFullRun ? Infinity : 2_000;
const LIMIT_MS = isFullRun ? 7_200_000 : 600_000;

function scenario(ledger: LedgerClient) {
  const definition = referenceSaga<InMemoryTransaction>({
    apply: (key) => ledger.apply(key, () => `answer to ${key}`),
    applyIn: (tx, key) => tx.onCommit(() => void ledger.apply(key)),
    together: togetherInMemory((key) => ledger.apply(key)),
  });
  return { definition, input: { items: 2 } };
}

async function tell(engine: SagaEngine<InMemoryTransaction>, sagaId: string): Promise<void> {
  await engine
    .signal(sagaId, approval, { by: 'Ann' }, { messageId: 'approved' })
    .catch((error: { code?: string }) => {
      if (error.code !== 'SAGA_ALREADY_FINISHED') throw error;
    });
}

describe('a saga of every kind of node', () => {
  let report: CrashReport;

  beforeAll(async () => {
    const started = performance.now();
    report = await crashEverywhere({
      scenario,
      tell,
      crashes: 2,
      sample: PAIRS,
      check: ({ sagaId }) => halfTogether(sagaId),
    });
    console.log(
      `crash everywhere: ${report.boundaries} writes, ${report.variants} variants, ${report.points} points, ${report.pairs} pairs of points, ${report.deaths} deaths, ${report.violations.length} violations, ${Math.round(performance.now() - started)} ms`,
    );
  }, LIMIT_MS);

  test('killed at every durable write, forwards and back, ends as if nothing had happened', () => {
    expect(report.violations.filter(({ kills }) => kills.length < 2)).toEqual([]);
    // All goes well, or one of the steps refuses, those of the saga within it and of the branch not taken included.
    // The step of several participants is the last 1.
    expect(report.variants).toBe(1 + REFERENCE_STEPS.length + 2 + 1 + 1);
    expect(report.boundaries).toBeGreaterThan(300);
    expect(report.points).toBe(report.boundaries * 3);
  });

  test('killed again at every write of its recovery, ends so too', () => {
    expect(report.violations).toEqual([]);
    expect(report.pairs).toBeGreaterThanOrEqual(2_000);
    expect(report.deaths).toBe(report.points + report.pairs * 2);
  });
});
