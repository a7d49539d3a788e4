import type { Chance } from './chance.ts';

/** How a simulated participant behaves towards one step of one saga. */
export interface Plan {
  readonly refuses: boolean;
  readonly failures: number;
  readonly undoFailures: number;
  readonly latencyMs: number;
  /** Fails after the effect: the caller cannot know. */
  readonly failsLate: boolean;
  readonly heedsSignal: boolean;
}

/** A plan, as chance has it. */
export function planOf(chance: Chance): Plan {
  return {
    refuses: chance.of(0.12),
    failures: chance.of(0.3) ? chance.between(0, 3) : 0,
    undoFailures: chance.of(0.3) ? chance.between(0, 4) : 0,
    latencyMs: chance.upTo(chance.of(0.1) ? 1_200 : 150),
    failsLate: chance.of(0.5),
    heedsSignal: chance.of(0.5),
  };
}
