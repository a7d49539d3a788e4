/** A bell that is remembered when nobody waits: what rang once wakes the next wait at once. */
export class WakeUp {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Forgets a ring: the waker is about to look for itself. */
  hush(): void {
    this.#rung = false;
  }

  /** Waits for a ring, at most `timeoutMs` milliseconds, or until the signal fires. */
  async wait(timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (!this.#rung && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#wake = (): void => {
          clearTimeout(timer);
          resolve();
        };
        signal?.addEventListener('abort', this.#wake, { once: true });
      });
      if (this.#wake !== undefined) signal?.removeEventListener('abort', this.#wake);
      this.#wake = undefined;
    }
    this.#rung = false;
  }
}
