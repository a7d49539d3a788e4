import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Duration, durationMs } from 'potter-runtime/foundation';

describe('a duration', () => {
  test.each<[Duration, number]>([
    [0, 0],
    [1.5, 1.5],
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
  ])('%s is %d ms', (duration, ms) => {
    expect(durationMs(duration)).toBe(ms);
  });

  test.each([
    -1,
    Number.NaN,
    Infinity,
    '',
    '5',
    's',
    '-5s',
    '5 s',
    '5S',
    '1e3s',
    '0x10s',
    '.5s',
    '5.s',
    '5w',
    null,
    undefined,
    {},
  ])('%s is refused with INVALID_ARGUMENT that shows the value and the accepted form', (value) => {
    expect(() => durationMs(value as Duration)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(`'${value as string}'`),
      }),
    );
  });

  test('too many digits are refused rather than read as an endless wait', () => {
    expect(() => durationMs(`${'9'.repeat(400)}s` as Duration)).toThrow(/not a duration/);
  });

  test('every unit is a whole multiple of the one below', () => {
    fc.assert(
      fc.property(fc.nat(10_000), (n) => {
        expect(durationMs(`${n}s`)).toBe(durationMs(`${n * 1_000}ms`));
        expect(durationMs(`${n}m`)).toBe(durationMs(`${n * 60}s`));
        expect(durationMs(`${n}h`)).toBe(durationMs(`${n * 60}m`));
        expect(durationMs(`${n}d`)).toBe(durationMs(`${n * 24}h`));
      }),
    );
  });
});
