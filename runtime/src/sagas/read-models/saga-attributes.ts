import type { JsonValue } from '../../foundation/json.ts';

/** Deeper values are left out: nobody filters by them, and a database has to look through them. */
const DEEPEST = 16;
/** What JSON can carry and jsonb cannot: the character zero, and halves of characters. */
// oxlint-disable-next-line no-control-regex -- the control character is what is looked for
const UNFIT = /[\u0000\p{Surrogate}]/gu;

/**
 * An input in the form that filters are written in: times as ISO 8601, large numbers as text, and nothing that a database
 * would refuse.
 */
export function attributesOf(input: unknown, depth = 0): JsonValue {
  switch (typeof input) {
    case 'string':
      return input.replaceAll(UNFIT, '\uFFFD');
    case 'number':
      return Number.isFinite(input) ? input : null;
    case 'boolean':
      return input;
    case 'bigint':
      return input.toString();
    case 'undefined':
    case 'function':
    case 'symbol':
      return null;
    case 'object':
      break;
  }
  if (input === null || depth === DEEPEST) return null;
  if (input instanceof Date) return Number.isNaN(input.getTime()) ? null : input.toISOString();
  if (Array.isArray(input)) return input.map((item) => attributesOf(item, depth + 1));
  const members = Object.entries(input).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    members.map(([name, value]) => [
      name.replaceAll(UNFIT, '\uFFFD'),
      attributesOf(value, depth + 1),
    ]),
  );
}
