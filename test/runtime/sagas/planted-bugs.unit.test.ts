import * as fc from 'fast-check';
import { Rejection } from 'potter-runtime/errors';
import { noRetry } from 'potter-runtime/foundation';
import {
  type InMemoryTransaction,
  saga,
  type SagaDefinition,
  type SagaEngine,
} from 'potter-runtime/sagas';
import {
  crashEverywhere,
  journalViolations,
  type LedgerClient,
  modelViolations,
  type Violation,
} from 'potter-runtime/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { approval, type ReferenceInput, referenceSaga } from '../../support/reference-saga.ts';
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.ts';
import { definitionOf, sagaShape } from './random-definition.ts';
import { RandomStory } from './random-story.ts';
import { randomOf } from './seeded-random.ts';
import { simulate } from './simulation/simulate.ts';

const SEEDS = 400;
const STORIES = 1_000;

/** The rules that are found broken, one try after the other, until the one that is looked for is among them. */
async function rulesOf(
  rule: string,
  tries: Iterable<Promise<readonly Violation[]> | readonly Violation[]>,
): Promise<readonly string[]> {
  const rules = new Set<string>();
  for (const violations of tries) {
    for (const violation of await violations) rules.add(violation.rule);
    if (rules.has(rule)) break;
  }
  return [...rules];
}

function* simulations({ definition }: PlantedBug): Generator<Promise<readonly Violation[]>> {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    yield simulate(seed, definition && { definition }).then(({ violations }) => violations);
  }
}

function* stories({ definition: wrong }: PlantedBug): Generator<readonly Violation[]> {
  for (const [at, shape] of fc.sample(sagaShape, { numRuns: STORIES, seed: 1 }).entries()) {
    const random = randomOf(at + 1);
    const right = definitionOf(shape, random);
    const { journal } = new RandomStory(wrong?.(right) ?? right, random).play(60);
    const entries = journal.map((event, n) => ({ seq: BigInt(n + 1), event }));
    yield [...journalViolations(right, entries), ...modelViolations(right, entries)];
  }
}

/** Whose last step says no, and then the undo of the one before it. */
function undoneInPart(ledger: LedgerClient): SagaDefinition<ReferenceInput, InMemoryTransaction> {
  const done = ({ key }: { readonly key: string }): Promise<unknown> => ledger.apply(key);
  return saga<ReferenceInput, InMemoryTransaction>('undone-in-part', {
    onCompensationFailure: 'fail',
  })
    .step('a', { execute: done, compensate: done })
    .step('b', { execute: done, compensate: refuse, compensateRetry: noRetry })
    .step('no', { execute: refuse })
    .build();
}

function refuse(): never {
  throw new Rejection('REFUSED', 'No.');
}

function reference(ledger: LedgerClient): SagaDefinition<ReferenceInput, InMemoryTransaction> {
  return referenceSaga({
    apply: (key) => ledger.apply(key, () => key),
    applyIn: (tx, key) => tx.onCommit(() => void ledger.apply(key)),
  });
}

async function crashes({
  definition,
  whereAnUndoGivesUp,
}: PlantedBug): Promise<readonly Violation[]> {
  const report = await crashEverywhere<ReferenceInput, InMemoryTransaction>({
    scenario: (ledger: LedgerClient) => ({
      definition: whereAnUndoGivesUp ? undoneInPart(ledger) : reference(ledger),
      input: { items: 2 },
    }),
    tell: async (engine: SagaEngine<InMemoryTransaction>, sagaId) => {
      await engine
        .signal(sagaId, approval, { by: 'Ann' }, { messageId: 'approved' })
        .catch(() => {});
    },
    sample: 30,
    ...(definition && { plant: { definition } }),
  });
  return report.violations;
}

describe.each(PLANTED_BUGS)('a machine in which $bug', (bug) => {
  const planted = (): void => {
    if (bug.plant) onTestFinished(bug.plant());
  };

  test('is found by the crash runner', async () => {
    planted();
    expect(await rulesOf(bug.rule, [crashes(bug)])).toContain(bug.rule);
  }, 120_000);

  test('is found by the simulation', async () => {
    planted();
    expect(await rulesOf(bug.rule, simulations(bug))).toContain(bug.rule);
  }, 120_000);

  test('is found by the model', async () => {
    planted();
    expect(await rulesOf(bug.rule, stories(bug))).toContain(bug.rule);
  }, 120_000);
});
