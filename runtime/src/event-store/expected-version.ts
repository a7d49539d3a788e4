/**
 * What a writer believes about a stream before it appends:
 * - `any`: nothing,
 * - `none`: it has no events yet (0n says the same),
 * - `exists`: it has at least one event,
 * - a version: its last event has this version; the first event of a stream has 1n.
 */
export type ExpectedVersion = 'any' | 'none' | 'exists' | bigint;

/** Whether a stream at version `actual` (0n: no events) is what the writer expected. */
export function isExpected(expected: ExpectedVersion, actual: bigint): boolean {
  switch (expected) {
    case 'any':
      return true;
    case 'none':
      return actual === 0n;
    case 'exists':
      return actual > 0n;
    default:
      return actual === expected;
  }
}
