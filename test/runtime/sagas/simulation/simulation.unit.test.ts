import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import { isFullRun } from '../../../support/full-run.ts';
import { PLANTED_FAULTS } from './planted-faults.ts';
import { simulate } from './simulate.ts';
import { simulateEverywhere } from './shards.ts';

/** `POTTER_SEED=1234 npx vitest run --project unit test/runtime/sagas/simulation` looks at one seed again. */
const ONLY = process.env['POTTER_SEED'];
const SEEDS = isFullRun ? 100_000 : 2_000;
const WHAT = ONLY === undefined ? `any of ${SEEDS} seeds` : `seed ${ONLY}`;

/** What the seeds break. */
async function broken(): Promise<readonly string[]> {
  // A default run has other tests beside it.
  if (ONLY === undefined) return simulateEverywhere(SEEDS, isFullRun ? availableParallelism() : 1);
  const { violations } = await simulate(Number(ONLY));
  return violations.map(({ rule, detail }) => `${rule}: ${detail}`);
}

function* upTo(count: number): Iterable<number> {
  for (let seed = 1; seed <= count; seed += 1) yield seed;
}

describe('simulation', () => {
  test(
    `no rule is broken by ${WHAT}`,
    async () => {
      const started = performance.now();
      expect(await broken()).toEqual([]);
      const took = Math.round(performance.now() - started);
      console.log(`simulation: ${WHAT} in ${took} ms`);
    },
    isFullRun ? 7_200_000 : 300_000,
  );

  test('sagas end in every way in which they can', async () => {
    const ends = new Set<string>();
    for (const seed of upTo(200)) {
      for (const end of (await simulate(seed)).ends) ends.add(end);
      if (ends.size === 3) break;
    }
    expect([...ends].sort()).toEqual(['abandoned', 'compensated', 'completed']);
  });

  test('a seed gives the same journals every time', async () => {
    const [first, second] = [await simulate(42), await simulate(42)];
    expect(first.story).toBe(second.story);
    expect(first.story.length).toBeGreaterThan(500);
  });

  test.each(PLANTED_FAULTS)(
    'finds $fault',
    async ({ rule, plant }) => {
      const failures = new Set<string>();
      for (const seed of upTo(400)) {
        for (const found of (await simulate(seed, plant)).violations) failures.add(found.rule);
        if (failures.has(rule)) break;
      }
      expect([...failures]).toContain(rule);
    },
    120_000,
  );
});
