import { setTimeout as delay } from 'node:timers/promises';
import { quickest, timed } from './quickest.ts';

/**
 * How many more questions something asks than one a second while nothing happens. What it still had to do when it was
 * thought to be idle may come late, on a busy machine: then it is looked at again.
 */
export function questionsTooMany(asked: () => number): Promise<number> {
  return quickest(1, async () => {
    const before = asked();
    const elapsedMs = await timed(() => delay(3_000));
    // The first may come as the time begins, and the last as it ends.
    return asked() - before - Math.ceil(elapsedMs / 1_000);
  });
}
