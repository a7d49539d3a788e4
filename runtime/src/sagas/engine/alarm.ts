import type { Clock, Timer } from '../../foundation/clock.ts';

/** One timer that is set again and again: setting it to the moment it is set to already costs nothing. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #timer: Timer | undefined;
  #atMs = Infinity;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings at `at`, at once when that has passed, never when it is null. */
  set(at: Date | null, now: Date): void {
    const atMs = at?.getTime() ?? Infinity;
    if (atMs === this.#atMs) return;
    this.cancel();
    this.#atMs = atMs;
    if (atMs === Infinity) return;
    this.#timer = this.#clock.schedule(atMs - now.getTime(), () => {
      this.#atMs = Infinity;
      this.#ring();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#atMs = Infinity;
  }
}
