import { describe, expect, test } from 'vitest';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { sleep } from 'potter-runtime/foundation';
import { VirtualClock } from 'potter-runtime/testing';

describe('a virtual clock', () => {
  test('stands still until it is moved, and then shows exactly the time passed', async () => {
    const clock = new VirtualClock({ start: new Date('2030-05-06T07:08:09Z') });
    expect(clock.now().toISOString()).toBe('2030-05-06T07:08:09.000Z');
    await clock.advance('90s');
    expect(clock.now().toISOString()).toBe('2030-05-06T07:09:39.000Z');
  });

  test('runs due timers in order of time, then in the order they were set, each at its own time', async () => {
    const clock = new VirtualClock();
    const startMs = clock.now().getTime();
    const log: string[] = [];
    const note = (name: string) => () => log.push(`${name}@${clock.now().getTime() - startMs}`);
    clock.schedule(20, note('c'));
    clock.schedule(10, note('a'));
    clock.schedule(10, note('b'));
    clock.schedule(31, note('late'));
    await clock.advance(30);
    expect(log).toEqual(['a@10', 'b@10', 'c@20']);
    expect(clock.pending).toBe(1);
  });

  test('runs timers that were set by timers, within the same move', async () => {
    const clock = new VirtualClock();
    const startMs = clock.now().getTime();
    const log: number[] = [];
    const ticking = (async () => {
      for (let i = 0; i < 4; i += 1) {
        await sleep(10, { clock });
        await Promise.resolve();
        log.push(clock.now().getTime() - startMs);
      }
    })();
    await clock.advance(35);
    expect(log).toEqual([10, 20, 30]);
    await clock.advance(5);
    await ticking;
    expect(log).toEqual([10, 20, 30, 40]);
  });

  test('does not run a cancelled timer', async () => {
    const clock = new VirtualClock();
    let ran = false;
    const timer = clock.schedule(5, () => {
      ran = true;
    });
    timer.cancel();
    timer.cancel();
    await clock.advance(10);
    expect(ran).toBe(false);
  });

  test('settle lets as much time pass as a promise needs, also across real input and output', async () => {
    const clock = new VirtualClock();
    const before = clock.now().getTime();
    const work = async (): Promise<string> => {
      await sleep(60_000, { clock });
      await readFile(fileURLToPath(import.meta.url));
      await sleep(60_000, { clock });
      return 'done';
    };
    expect(await clock.settle(work())).toBe('done');
    expect(clock.now().getTime() - before).toBe(120_000);
  });

  test('settle passes a rejection on, and gives up with TIMEOUT when the limit of virtual time is reached', async () => {
    const clock = new VirtualClock();
    await expect(clock.settle(Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(clock.settle(sleep(5_000, { clock }), { limit: '4s' })).rejects.toMatchObject({
      code: 'TIMEOUT',
      details: { limitMs: 4_000 },
    });
  });
});
