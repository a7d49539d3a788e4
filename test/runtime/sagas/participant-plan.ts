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
export function planOf(random: () => number): Plan {
  const chance = (probability: number): boolean => random() < probability;
  return {
    refuses: chance(0.12),
    failures: chance(0.3) ? Math.floor(random() * 4) : 0,
    undoFailures: chance(0.3) ? Math.floor(random() * 5) : 0,
    latencyMs: random() * (chance(0.1) ? 1_200 : 150),
    failsLate: chance(0.5),
    heedsSignal: chance(0.5),
  };
}
