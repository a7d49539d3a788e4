import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WorkTurns } from '../../../../runtime/src/postgres/sagas/store/work-turns.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'], now: 0 });
});
afterEach(() => void vi.useRealTimers());

/** Workers that hear the same, and when each of them looked. */
function fleet(workers: number, spacingMs = 5) {
  const looks: number[][] = [];
  const from = performance.now();
  const turns = Array.from({ length: workers }, (_, before) => {
    const times: number[] = [];
    looks.push(times);
    const one = new WorkTurns(() => times.push(performance.now() - from), spacingMs);
    one.learn({ workers, before });
    return one;
  });
  return {
    looks,
    tell: (turn: string): void => {
      for (const one of turns) one.told(turn);
    },
    cancel: (): void => {
      for (const one of turns) one.cancel();
    },
  };
}

test('of several workers one looks at once, and each of the others a little later than the one before it', () => {
  const { looks, tell } = fleet(4);
  tell('6');
  expect(looks).toEqual([[], [], [0], []]);
  vi.advanceTimersByTime(100);
  expect(looks).toEqual([[10], [15], [0], [5]]);
});

test('a worker alone looks at once, and again as often as it is told, but with a pause', () => {
  const { looks, tell } = fleet(1);
  for (let turn = 0; turn < 20; turn += 1) {
    tell(String(turn));
    vi.advanceTimersByTime(1);
  }
  vi.advanceTimersByTime(100);
  expect(looks).toEqual([[0, 5, 10, 15, 20]]);
});

test('told all the time, four workers together look as often as one', () => {
  const { looks, tell } = fleet(4);
  for (let turn = 0; turn < 1_000; turn += 1) {
    tell(String(turn));
    vi.advanceTimersByTime(1);
  }
  expect(looks.flat().length).toBeGreaterThan(150);
  expect(looks.flat().length).toBeLessThanOrEqual(204);
});

test('the last of many workers does not wait for long', () => {
  const { looks, tell } = fleet(100);
  tell('0');
  vi.advanceTimersByTime(20);
  expect(looks.every((times) => times.length === 1)).toBe(true);
});

test('what is said without a turn makes all look at once', () => {
  const { looks, tell } = fleet(3);
  tell('');
  expect(looks).toEqual([[0], [0], [0]]);
});

test('without spacing each looks whenever it is told', () => {
  const { looks, tell } = fleet(2, 0);
  tell('0');
  tell('0');
  expect(looks).toEqual([
    [0, 0],
    [0, 0],
  ]);
});

test('nobody looks after it is over', () => {
  const { looks, tell, cancel } = fleet(2);
  tell('0');
  cancel();
  vi.advanceTimersByTime(100);
  expect(looks).toEqual([[0], []]);
});
