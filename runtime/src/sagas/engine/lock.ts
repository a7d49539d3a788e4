/** One holder at a time, in order of arrival. Taking it when it is free costs no promise: most of the time it is. */
export class Lock {
  #held = false;
  readonly #waiting: (() => void)[] = [];

  /** Takes it when it is free. @returns whether it was; if not, wait for {@link turn}. */
  take(): boolean {
    if (this.#held) return false;
    this.#held = true;
    return true;
  }

  /** Resolves when the lock has been handed over. */
  turn(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#held = false;
  }
}
