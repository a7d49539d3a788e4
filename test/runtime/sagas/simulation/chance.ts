import { randomOf } from '../seeded-random.ts';

/** All that is left to chance in one simulation: the same for the same seed. */
export class Chance {
  /** In [0, 1). */
  readonly random: () => number;

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  /** True with this probability. */
  of(probability: number): boolean {
    return this.random() < probability;
  }

  /** From 0 to, but not including, this. */
  upTo(limit: number): number {
    return this.random() * limit;
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.upTo(most - least + 1));
  }

  oneOf<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.upTo(items.length))];
  }
}
