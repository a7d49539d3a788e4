import type { WorkListener } from '../saga-store.ts';

/** Who is told of work. They hear of things after these happened, never in the middle of a caller's own code. */
export class WorkListeners {
  readonly #listeners = new Set<WorkListener>();
  #isTold = false;

  /** @returns how to be told no more. */
  add(listener: WorkListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  clear(): void {
    this.#listeners.clear();
  }

  /** There is something to claim: said once, however much comes in one moment. */
  tellOfWork(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    queueMicrotask(() => {
      this.#isTold = false;
      for (const listener of this.#listeners) listener.onWork();
    });
  }

  /** A saga that somebody owns has a message. */
  tellOfMessage(sagaId: string): void {
    queueMicrotask(() => this.#listeners.forEach((listener) => listener.onMessage(sagaId)));
  }
}
