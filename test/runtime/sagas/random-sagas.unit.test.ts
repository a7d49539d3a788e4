import * as fc from 'fast-check';
import { journalViolations, modelViolations } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { isFullRun } from '../../support/full-run.ts';
import { definitionOf, sagaShape } from './random-definition.ts';
import { RandomStory } from './random-story.ts';
import { randomOf } from './seeded-random.ts';

const RUNS = isFullRun ? 100_000 : 2_000;

describe('a saga of any shape', () => {
  test(
    `whatever happens to it, writes only journals that the model and every invariant allow, and is what its journal says: ${RUNS} sagas`,
    () => {
      const seen = new Map<string, number>();
      fc.assert(
        fc.property(sagaShape, fc.integer({ min: 1 }), (shape, seed) => {
          const random = randomOf(seed);
          const definition = definitionOf(shape, random);
          const { journal, problems } = new RandomStory(definition, random).play(60);
          const entries = journal.map((event, at) => ({ seq: BigInt(at + 1), event }));
          for (const { type } of journal) seen.set(type, (seen.get(type) ?? 0) + 1);
          expect([
            ...problems,
            ...modelViolations(definition, entries),
            ...journalViolations(definition, entries),
          ]).toEqual([]);
        }),
        { numRuns: RUNS },
      );
      console.log(`random sagas: ${RUNS}`, Object.fromEntries(seen));
    },
    isFullRun ? 3_600_000 : 120_000,
  );
});
