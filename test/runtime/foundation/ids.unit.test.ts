import { expect, test } from 'vitest';
import { isUuid, newId } from 'potter-runtime/foundation';

test('ids are UUIDv7, unique, and sort in the order they were made, also within a millisecond', () => {
  const ids = Array.from({ length: 20_000 }, newId);
  expect(ids.toSorted()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids[0]).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
});

test('isUuid tells text forms of UUIDs from everything else', () => {
  expect(isUuid(newId())).toBe(true);
  for (const text of ['', 'x', newId().slice(1), `{${newId()}}`, newId().replaceAll('-', '')]) {
    expect(isUuid(text)).toBe(false);
  }
});
