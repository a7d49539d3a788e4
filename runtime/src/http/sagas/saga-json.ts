import type { JsonValue } from '../../foundation/json.ts';

/**
 * A value of the runtime as plain JSON for the outside: times in ISO 8601, bigints as decimal text, for JSON readers
 * round large numbers.
 */
export function plainJson(value: unknown): JsonValue {
  const text = JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'bigint' ? member.toString() : member,
  ) as string | undefined;
  return text === undefined ? null : (JSON.parse(text) as JsonValue);
}
