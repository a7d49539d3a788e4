import { inspect, isDeepStrictEqual } from 'node:util';

/** A value on one line, events as their type and data. */
export function show(value: unknown): string {
  if (isRecord(value) && typeof value['type'] === 'string' && 'data' in value) {
    const { type, data, ...rest } = value;
    return [type, inline(data), ...(Object.keys(rest).length === 0 ? [] : [inline(rest)])].join(
      ' ',
    );
  }
  return inline(value);
}

/** Where two values differ, one line a place, each with its path: `events[0].data.amountCents: expected 5, got 6`. */
export function differences(expected: unknown, actual: unknown, path: string): readonly string[] {
  if (isDeepStrictEqual(expected, actual)) return [];
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const length = Math.max(expected.length, actual.length);
    return Array.from({ length }, (_, index) => {
      const place = `${path}[${index}]`;
      if (index >= actual.length)
        return [`${place}: expected ${show(expected[index])}, got nothing`];
      if (index >= expected.length)
        return [`${place}: expected nothing, got ${show(actual[index])}`];
      return differences(expected[index], actual[index], place);
    }).flat();
  }
  if (isRecord(expected) && isRecord(actual) && expected['type'] === actual['type']) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
    const found = [...keys].flatMap((key) =>
      differences(expected[key], actual[key], `${path}.${key}`),
    );
    if (found.length > 0) return found;
  }
  return [`${path}: expected ${show(expected)}, got ${show(actual)}`];
}

/** Freezes a value and everything in it. Returns it. */
export function freezeDeeply<T>(value: T): T {
  if (value === null || typeof value !== 'object' || Object.isFrozen(value)) return value;
  // A view on bytes cannot be frozen; the error would hide the test's own.
  if (ArrayBuffer.isView(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) freezeDeeply(member);
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype
  );
}

function inline(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: Infinity, compact: true, sorted: false });
}
