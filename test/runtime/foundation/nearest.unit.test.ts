import { expect, test } from 'vitest';
import { nearest, notOneOf } from '../../../runtime/src/foundation/nearest.ts';

const words = ['event-store', 'sagas', 'idempotency', 'fences'];

test.each([
  ['event-stroe', 'event-store'],
  ['eventstore', 'event-store'],
  ['SAGA', 'sagas'],
  ['fence', 'fences'],
])('%s is taken for %s', (typed, meant) => {
  expect(nearest(typed, words)).toBe(meant);
});

test.each(['', 'projections', 'xyz'])('%j is taken for nothing', (typed) => {
  expect(nearest(typed, words)).toBeUndefined();
  expect(notOneOf(typed, words)).toBe(
    `'${typed}' is not one of event-store, sagas, idempotency, fences.`,
  );
});

test('of no words none is nearest', () => {
  expect(nearest('x', [])).toBeUndefined();
});
