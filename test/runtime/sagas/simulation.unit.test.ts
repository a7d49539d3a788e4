import { interceptSagaStore } from 'potter-runtime/testing';
import type { InMemoryTransaction, SagaStore } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { isFullRun } from '../../support/full-run.ts';
import { type Plant, simulate } from './simulation.ts';
import { simulateEverywhere } from './simulation-shards.ts';

/** `POTTER_SEED=1234 npx vitest run --project unit test/runtime/sagas/simulation` looks at one seed again. */
const ONLY = process.env['POTTER_SEED'];
const SEEDS = 2_000;
const ALL_SEEDS = 100_000;

/** The first seed that breaks a rule, with what it breaks. */
async function firstFailure(
  seeds: Iterable<number>,
): Promise<{ readonly seed: number; readonly rules: readonly string[] } | undefined> {
  for (const seed of seeds) {
    const { violations } = await simulate(seed);
    if (violations.length === 0) continue;
    console.error(
      `Seed ${seed} broke ${violations.length} rules. Replay: POTTER_SEED=${seed} npx vitest run --project unit test/runtime/sagas/simulation\n`,
      violations,
    );
    return { seed, rules: violations.map(({ rule }) => rule) };
  }
  return undefined;
}

/** A store to build a wrong one from. */
const delegate = (store: SagaStore<InMemoryTransaction>): SagaStore<InMemoryTransaction> =>
  interceptSagaStore(store, (_call, proceed) => proceed());

function* upTo(count: number): Iterable<number> {
  for (let seed = 1; seed <= count; seed += 1) yield seed;
}

describe('simulation', () => {
  test(`no seed of ${ONLY ?? SEEDS} breaks a rule`, async () => {
    const started = performance.now();
    expect(await firstFailure(ONLY ? [Number(ONLY)] : upTo(SEEDS))).toBeUndefined();
    const took = Math.round(performance.now() - started);
    console.log(`simulation: ${ONLY ?? SEEDS} seeds in ${took} ms`);
  }, 300_000);

  test.runIf(isFullRun)(
    `no seed of ${ALL_SEEDS} breaks a rule, on every core`,
    async () => {
      const started = performance.now();
      expect(await simulateEverywhere(ALL_SEEDS)).toEqual([]);
      const took = Math.round((performance.now() - started) / 1000);
      console.log(`simulation: ${ALL_SEEDS} seeds in ${took} s`);
    },
    7_200_000,
  );

  test('a seed gives the same journals every time', async () => {
    const [first, second] = [await simulate(42), await simulate(42)];
    expect(first.story).toBe(second.story);
    expect(first.story.length).toBeGreaterThan(500);
  });

  const plants: readonly { bug: string; rule: string; plant: Plant }[] = [
    {
      bug: 'commits that are answered before they are durable',
      rule: 'intent before effect',
      plant: {
        store: (store, clock) => ({
          ...delegate(store),
          commit: async (commit, options) => {
            if (options?.transaction !== undefined) return store.commit(commit, options);
            clock.schedule(30, () => void store.commit(commit));
            return { kind: 'committed', seq: commit.expectedSeq + BigInt(commit.events.length) };
          },
        }),
      },
    },
    {
      bug: 'tokens that are not checked',
      rule: 'no two owners commit',
      plant: {
        store: (store) => {
          const newest = new Map<string, { workerId: string; token: bigint }>();
          return {
            ...delegate(store),
            claim: async (request) => {
              const outcome = await store.claim(request);
              if (outcome.kind === 'claimed') {
                for (const { sagaId, lease } of outcome.sagas) newest.set(sagaId, lease);
              }
              return outcome;
            },
            commit: async (commit, options) => {
              const outcome = await store.commit(commit, options);
              const lease = newest.get(commit.sagaId);
              if (outcome.kind !== 'lease-lost' || !lease) return outcome;
              const expectedSeq = BigInt((await store.journal(commit.sagaId)).length);
              return store.commit({ ...commit, lease, expectedSeq }, options);
            },
          };
        },
      },
    },
    {
      bug: 'commits that do not look into the inbox',
      rule: 'nothing is stranded',
      plant: {
        store: (store) => ({
          ...delegate(store),
          claim: async (request) => {
            const outcome = await store.claim(request);
            return outcome.kind === 'claimed' ? { ...outcome, messages: [] } : outcome;
          },
          inbox: async () => [],
          commit: (commit, options) => store.commit({ ...commit, inboxSeen: 1_000_000n }, options),
        }),
      },
    },
    { bug: 'an undo that is skipped', rule: 'no lost undo', plant: { forgetsUndoOf: 'one' } },
    {
      bug: 'a participant that does not honour keys',
      rule: 'each effect at most once',
      plant: { deafToKeys: true },
    },
    {
      bug: 'work that nobody is told of and nobody looks for',
      rule: 'nothing is stranded',
      plant: {
        store: (store) => ({
          ...delegate(store),
          claim: async (request) => store.claim({ ...request, limit: 0 }),
        }),
      },
    },
  ];

  test.each(plants)(
    'finds $bug',
    async ({ rule, plant }) => {
      const failures = new Set<string>();
      for (const seed of upTo(150)) {
        for (const found of (await simulate(seed, plant)).violations) failures.add(found.rule);
        if (failures.has(rule)) break;
      }
      expect([...failures]).toContain(rule);
    },
    120_000,
  );
});
