import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  exponentialBackoff,
  type Jitter,
  jsonCodec,
  nextDelayMs,
  noRetry,
  type RetryPolicy,
  simpleRetry,
} from 'potter-runtime/foundation';

const jitters: readonly Jitter[] = ['none', 'full', 'equal', 'decorrelated'];

const policies: fc.Arbitrary<RetryPolicy> = fc.record({
  maxAttempts: fc.integer({ min: 1, max: 5_000 }),
  initialDelayMs: fc.nat(10_000),
  factor: fc.double({ min: 1, max: 10, noNaN: true }),
  maxDelayMs: fc.nat(100_000),
  jitter: fc.constantFrom(...jitters),
});

function delays(policy: RetryPolicy, random: () => number = () => 0.5): number[] {
  const made: number[] = [];
  let elapsedMs = 0;
  for (let attempt = 1; ; attempt += 1) {
    const previous = made.at(-1);
    const delayMs = nextDelayMs(
      policy,
      { attempt, elapsedMs, ...(previous !== undefined && { previousDelayMs: previous }) },
      random,
    );
    if (delayMs === undefined) return made;
    made.push(delayMs);
    elapsedMs += delayMs;
  }
}

describe('a retry schedule', () => {
  test('makes exactly maxAttempts attempts', () => {
    expect(delays(noRetry)).toEqual([]);
    expect(delays(simpleRetry({ maxAttempts: 3, delay: '2s' }))).toEqual([2_000, 2_000]);
  });

  test('doubles up to its cap', () => {
    const policy = exponentialBackoff({
      maxAttempts: 7,
      initialDelay: '1s',
      maxDelay: '10s',
      jitter: 'none',
    });
    expect(delays(policy)).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  test('starts no attempt later than maxElapsed', () => {
    const policy = exponentialBackoff({
      maxAttempts: 9,
      initialDelay: '1s',
      maxElapsed: '6s',
      jitter: 'none',
    });
    expect(delays(policy)).toEqual([1_000, 2_000]);
  });

  test('every delay is a whole number between 0 and the cap, at any attempt, with any jitter', () => {
    fc.assert(
      fc.property(
        policies,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.nat(5_000),
        (policy, dice, tries) => {
          const delayMs = nextDelayMs(policy, { attempt: tries + 1, elapsedMs: 0 }, () => dice);
          const isLast = tries + 1 >= policy.maxAttempts;
          const isDelay = (ms: number): boolean =>
            Number.isInteger(ms) && ms >= 0 && ms <= policy.maxDelayMs;
          expect(delayMs).toSatisfy((ms) => (ms === undefined ? isLast : !isLast && isDelay(ms)));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test.each<[Jitter, number, number]>([
    ['none', 400, 400],
    ['full', 0, 400],
    ['equal', 200, 400],
    ['decorrelated', 100, 900],
  ])('%s jitter spreads the third delay between %d and %d ms', (jitter, lowest, highest) => {
    const policy = exponentialBackoff({ initialDelay: 100, jitter });
    const state = { attempt: 3, elapsedMs: 0, previousDelayMs: 300 };
    expect(nextDelayMs(policy, state, () => 0)).toBe(lowest);
    expect(nextDelayMs(policy, state, () => 1 - Number.EPSILON)).toBe(highest);
  });

  test('is plain data that survives being stored', () => {
    for (const policy of [
      noRetry,
      simpleRetry(),
      exponentialBackoff(),
      exponentialBackoff({ maxElapsed: '1h' }),
    ]) {
      expect(jsonCodec.decode(jsonCodec.encode(policy))).toEqual(policy);
    }
  });

  test.each([0, -1, 1.5, Number.NaN])('refuses %d attempts when it is built', (maxAttempts) => {
    expect(() => exponentialBackoff({ maxAttempts })).toThrow(
      /\[INVALID_ARGUMENT\] maxAttempts is/,
    );
    expect(() => simpleRetry({ maxAttempts })).toThrow(/\[INVALID_ARGUMENT\] maxAttempts is/);
  });

  test.each([0, 0.5, -2, Number.NaN, Infinity])(
    'refuses the factor %d when it is built',
    (factor) => {
      expect(() => exponentialBackoff({ factor })).toThrow(/\[INVALID_ARGUMENT\] factor is/);
    },
  );
});
