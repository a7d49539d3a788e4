import { expect, test } from 'vitest';
import { LanePolicy } from '../../../../runtime/src/postgres/connection/lane-policy.ts';

const SLOW_MS = 100;
const policy = (): LanePolicy => new LanePolicy(2, 128, 32);

test('a process that writes alone uses all lanes, however slow the server is', () => {
  const lanes = policy();
  lanes.flushed(SLOW_MS);
  expect(lanes.lanes(10, 0)).toBe(2);
});

test('where others write too, a few writes and flushes that are quick use all lanes', () => {
  const lanes = policy();
  lanes.writers(4);
  lanes.flushed(2);
  expect(lanes.lanes(10, 0)).toBe(2);
});

test('where others write too, flushes that are slow leave one lane, and a second for what has no room in a group', () => {
  const lanes = policy();
  lanes.writers(4);
  lanes.flushed(SLOW_MS);
  expect(lanes.lanes(127, 0)).toBe(1);
  expect(lanes.lanes(128, 0)).toBe(2);
});

test('where others write too, many at once leave one lane, however quick flushes are', () => {
  const lanes = policy();
  lanes.writers(4);
  lanes.flushed(1);
  expect(lanes.lanes(10, 21)).toBe(2);
  expect(lanes.lanes(10, 22)).toBe(1);
  expect(lanes.lanes(128, 22)).toBe(2);
  lanes.writers(1);
  expect(lanes.lanes(10, 22)).toBe(2);
});

test('all lanes are back when the others are gone, or when flushes are quick again', () => {
  const lanes = policy();
  lanes.writers(4);
  lanes.flushed(SLOW_MS);
  lanes.writers(1);
  expect(lanes.lanes(10, 0)).toBe(2);
  lanes.writers(4);
  expect(lanes.lanes(10, 0)).toBe(1);
  for (let n = 0; n < 20; n += 1) lanes.flushed(1);
  expect(lanes.lanes(10, 0)).toBe(2);
});
