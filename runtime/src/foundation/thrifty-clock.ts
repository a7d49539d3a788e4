import { type Clock, systemClock } from './clock.ts';

/**
 * A clock that gives the same Date again for as long as its millisecond lasts: for who keeps many, changes none, and hands
 * out copies. A Date takes more memory than what is usually noted beside it.
 */
export function thriftyClock(clock: Clock): Clock {
  let last = new Date(Number.NaN);
  return {
    now() {
      const ms = clock === systemClock ? Date.now() : clock.now().getTime();
      if (last.getTime() !== ms) last = new Date(ms);
      return last;
    },
    schedule: (delayMs, callback) => clock.schedule(delayMs, callback),
  };
}
