import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, jsonCodec } from 'potter-runtime/foundation';

/** Anything the codec promises to carry, marks and awkward keys included. */
const storable = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
    fc.string({ unit: 'binary' }),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(
        fc.string(),
        fc.constantFrom('$bigint', '$date', '$escaped', '__proto__', 'constructor', 'toString'),
      ),
      tie('value'),
      { maxKeys: 3, noNullPrototype: true },
    ),
    fc
      .constantFrom('$bigint', '$date', '$escaped')
      .chain((key) => tie('value').map((inner) => ({ [key]: inner }))),
  ),
})).value;

const roundTrip = (value: unknown): unknown => jsonCodec.decode(jsonCodec.encode(value));

describe('the JSON codec', () => {
  test('gives back whatever it took: bigints, dates, and objects that look like its own marks', () => {
    fc.assert(
      fc.property(storable, (value) => {
        expect(roundTrip(value)).toEqual(value);
      }),
      { numRuns: 2_000 },
    );
  });

  test('writes plain values exactly as JSON.stringify does', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(jsonCodec.encode(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  test.each([
    { $date: '2026-01-01T00:00:00.000Z' },
    { $bigint: '1' },
    { $bigint: 5 },
    { $date: null },
    { $escaped: null },
    { $escaped: { $escaped: { $bigint: '7' } } },
    { $escaped: 1, other: 2 },
  ])('keeps %j, which is data and no mark', (value) => {
    expect(roundTrip(value)).toEqual(value);
  });

  test('carries an integer no number can hold', () => {
    expect(roundTrip({ position: 2n ** 64n })).toEqual({ position: 2n ** 64n });
  });

  test('leaves undefined fields out and honours toJSON', () => {
    expect(jsonCodec.encode({ a: undefined, b: { toJSON: () => ({ at: new Date(0) }) } })).toBe(
      '{"b":{"at":{"$date":"1970-01-01T00:00:00.000Z"}}}',
    );
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  test.each([
    ['NaN', { a: Number.NaN }, "NaN under 'a'"],
    ['Infinity in an array', [1, Infinity], "Infinity under '1'"],
    ['a function', { a: () => 1 }, "a function under 'a'"],
    ['a symbol', { a: Symbol('x') }, "a symbol under 'a'"],
    ['a Map, which JSON would silently empty', { a: new Map([[1, 2]]) }, "a Map under 'a'"],
    ['a Set', { a: new Set([1]) }, "a Set under 'a'"],
    ['bytes', { a: new Uint8Array(2) }, "a Uint8Array under 'a'"],
    ['an Error', { a: new Error('x') }, "a Error under 'a'"],
    ['an invalid date', { a: new Date('x') }, 'Invalid time value'],
    ['undefined itself', undefined, 'undefined has no JSON form'],
    ['a cycle', cycle, 'circular'],
  ])('refuses %s and says where it is', (_name, value, reason) => {
    expect(() => jsonCodec.encode(value)).toThrow(
      expect.objectContaining({
        code: 'SERIALIZATION_FAILED',
        message: expect.stringContaining(reason),
      }),
    );
  });

  test.each(['', '{', 'undefined', '{"a":{"$bigint":"x"}}', '{"a":{"$date":"yesterday"}}'])(
    'refuses to read %j',
    (text) => {
      expect(() => jsonCodec.decode(text)).toThrow(
        expect.objectContaining({ code: 'SERIALIZATION_FAILED' }),
      );
    },
  );

  test('a key named __proto__ stays data and reaches no prototype', () => {
    const decoded = jsonCodec.decode('{"__proto__":{"polluted":{"$bigint":"1"}}}') as object;
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
    expect(Object.entries(decoded)).toEqual([['__proto__', { polluted: 1n }]]);
  });
});

describe('canonical JSON', () => {
  const shuffled = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffled);
    if (value === null || typeof value !== 'object' || value instanceof Date) return value;
    return Object.fromEntries(
      Object.entries(value)
        .toReversed()
        .map(([k, v]) => [k, shuffled(v)]),
    );
  };

  test('is the same text for equal values whatever the order of their keys', () => {
    fc.assert(
      fc.property(storable, (value) => {
        expect(canonicalJson(shuffled(value))).toBe(canonicalJson(value));
      }),
    );
  });

  test('is the same text again after a round trip', () => {
    fc.assert(
      fc.property(storable, (value) => {
        expect(canonicalJson(roundTrip(value))).toBe(canonicalJson(value));
      }),
    );
  });

  test('differs for values that differ', () => {
    expect(canonicalJson({ a: 1n })).not.toBe(canonicalJson({ a: '1' }));
    expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]));
  });
});
