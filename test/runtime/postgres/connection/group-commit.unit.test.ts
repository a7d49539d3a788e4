import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  GroupCommit,
  type GroupCommitOptions,
  type Unfinished,
} from '../../../../runtime/src/postgres/connection/group-commit.ts';

interface Item {
  readonly key: string;
  readonly shareable: boolean;
  readonly size: number;
}

const item = (key: string, options: Partial<Item> = {}): Item => ({
  key,
  shareable: false,
  size: 1,
  ...options,
});
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A group commit whose flushes end when the test says so. */
function manual(options?: GroupCommitOptions) {
  const flushes: {
    keys: readonly string[];
    end: (unfinished?: readonly Unfinished[]) => Promise<void>;
  }[] = [];
  const groups = new GroupCommit<Item>(
    (group) =>
      new Promise((resolve) => {
        const end = async (unfinished: readonly Unfinished[] = []): Promise<void> => {
          resolve(unfinished);
          await turn();
          await turn();
        };
        flushes.push({ keys: group.map(({ key }) => key), end });
      }),
    options,
  );
  return { groups, flushes, keys: () => flushes.map(({ keys }) => keys) };
}

/** Other processes write too, and its first flush took a second; then one is under way and one waits. */
async function crowded() {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  const manually = manual({ lanes: 2, maxAppends: 4 });
  const { groups, flushes } = manually;
  groups.writers(4);
  groups.add(item('first'));
  await turn();
  vi.advanceTimersByTime(1_000);
  await flushes[0]?.end();
  groups.add(item('a'));
  await turn();
  groups.add(item('b'));
  await turn();
  return manually;
}

describe('group commit', () => {
  test('at idle, sends what is asked for in one turn together in the next', async () => {
    const { groups, keys } = manual();
    groups.add(item('a'));
    groups.add(item('b'));
    expect(keys()).toEqual([]);
    await turn();
    expect(keys()).toEqual([['a', 'b']]);
  });

  test('collects what arrives while all lanes are busy', async () => {
    const { groups, flushes, keys } = manual({ lanes: 2 });
    for (const key of ['a', 'b', 'c', 'd']) {
      groups.add(item(key));
      await turn();
    }
    expect(keys()).toEqual([['a'], ['b']]);
    await flushes[0]?.end();
    expect(keys()).toEqual([['a'], ['b'], ['c', 'd']]);
  });

  test('keeps a group within its limits, but sends an append that is larger alone', async () => {
    const { groups, flushes, keys } = manual({ lanes: 1, maxAppends: 2, maxEvents: 10 });
    for (const [key, size] of [
      ['a', 99],
      ['b', 6],
      ['c', 4],
      ['d', 1],
      ['e', 1],
      ['f', 1],
    ] as const) {
      groups.add(item(key, { size }));
    }
    await turn();
    for (const index of [0, 1, 2]) await flushes[index]?.end();
    expect(keys()).toEqual([['a'], ['b', 'c'], ['d', 'e'], ['f']]);
  });

  test('gives every lane as many when there are enough for all of them', async () => {
    const { groups, flushes, keys } = manual({ lanes: 2, minShare: 3 });
    const sizes = (): readonly number[] => keys().map((group) => group.length);
    for (const key of ['a', 'b', 'c', 'd', 'e']) groups.add(item(key));
    await turn();
    expect(sizes()).toEqual([5]);
    await flushes[0]?.end();
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) groups.add(item(key));
    await turn();
    expect(sizes()).toEqual([5, 4, 3]);
    await flushes[1]?.end();
    for (const key of ['h', 'i', 'j', 'k', 'l', 'm', 'n']) groups.add(item(key));
    await turn();
    // Ten are under way or about to be: no more than five in one group, however many wait.
    expect(sizes()).toEqual([5, 4, 3, 5]);
  });

  describe('where other processes write too and flushes are slow', () => {
    afterEach(() => void vi.useRealTimers());

    test('what comes while a group is under way waits for it, until there is a whole group', async () => {
      const { groups, keys } = await crowded();
      expect(keys()).toEqual([['first'], ['a']]);
      for (const key of ['c', 'd']) groups.add(item(key));
      await turn();
      expect(keys()).toEqual([['first'], ['a']]);
      groups.add(item('e'));
      await turn();
      expect(keys()).toEqual([['first'], ['a'], ['b', 'c', 'd', 'e']]);
    });

    test('a group that does not end holds up no other for long', async () => {
      const { keys } = await crowded();
      vi.advanceTimersByTime(249);
      await turn();
      expect(keys()).toEqual([['first'], ['a']]);
      vi.advanceTimersByTime(1);
      await turn();
      expect(keys()).toEqual([['first'], ['a'], ['b']]);
    });
  });

  test('never has one key in two groups, and keeps its order', async () => {
    const { groups, flushes, keys } = manual({ lanes: 2 });
    groups.add(item('a'));
    await turn();
    groups.add(item('a', { size: 2 }));
    groups.add(item('b'));
    await turn();
    expect(keys()).toEqual([['a'], ['b']]);
    await flushes[0]?.end();
    expect(keys()).toEqual([['a'], ['b'], ['a']]);
  });

  test('puts items of one key in a group only when all of them are shareable', async () => {
    const { groups, flushes, keys } = manual({ lanes: 1 });
    const shared = { shareable: true };
    for (const one of [item('a', shared), item('a', shared), item('a'), item('a', shared)])
      groups.add(one);
    await turn();
    expect(keys()).toEqual([['a', 'a']]);
    await flushes[0]?.end();
    await flushes[1]?.end();
    expect(keys()).toEqual([['a', 'a'], ['a'], ['a']]);
  });

  test('frees the lane, but not the key, of what is left unfinished', async () => {
    const { groups, flushes, keys } = manual({ lanes: 1 });
    const finished = new AbortController();
    const done = new Promise<void>((resolve) => {
      finished.signal.addEventListener('abort', () => resolve());
    });
    groups.add(item('slow'));
    await turn();
    groups.add(item('slow'));
    groups.add(item('other'));
    await flushes[0]?.end([{ key: 'slow', done }]);
    expect(keys()).toEqual([['slow'], ['other']]);
    await flushes[1]?.end();
    expect(keys()).toHaveLength(2);
    finished.abort();
    await turn();
    await turn();
    expect(keys()).toEqual([['slow'], ['other'], ['slow']]);
  });
});
