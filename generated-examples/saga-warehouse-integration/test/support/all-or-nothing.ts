import type { Saga } from './sagas.ts';
import { allDone, UNDONE_BY } from './scenarios.ts';

/** What is wrong with these effects of a saga that is over: all were to happen once, or whatever did to be undone once. */
export function flawsOf(saga: Saga, effects: readonly string[]): readonly string[] {
  const flaws = [...new Set(effects)]
    .filter((effect) => effects.indexOf(effect) !== effects.lastIndexOf(effect))
    .map((effect) => `${effect} happened more than once`);
  if (saga.status === 'completed') {
    const wanted = [...allDone(saga)].sort().join();
    if ([...effects].sort().join() !== wanted) flaws.push(`${effects.join()} instead of ${wanted}`);
  } else if (saga.status === 'compensated') {
    for (const [done, undone] of Object.entries(UNDONE_BY)) {
      if (effects.includes(done) !== effects.includes(undone)) {
        flaws.push(`${done} and ${undone} do not go together in ${effects.join()}`);
      }
    }
  } else {
    flaws.push(`the saga is ${saga.status}`);
  }
  return flaws;
}
