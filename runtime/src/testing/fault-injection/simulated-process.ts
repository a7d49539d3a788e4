import type { Clock, Timer } from '../../foundation/clock.ts';
import type { SagaStore } from '../../sagas/saga-store.ts';
import { interceptSagaStore, type SagaStoreInterceptor } from '../intercept-saga-store.ts';

/**
 * A process that can die at any moment: from then on none of its timers fires, none of its calls is made or answered, and its
 * open transactions roll back. What it runs keeps waiting for answers that never come, which is as dead as code in a
 * test's own process can be.
 */
export class SimulatedProcess<Tx> {
  readonly clock: Clock;
  readonly store: SagaStore<Tx>;
  /** Resolves when it dies. */
  readonly death: Promise<void>;
  #dead = false;
  #die: () => void = () => {};

  /** @param intercept sees each call of the store that is made while it lives. */
  constructor(store: SagaStore<Tx>, clock: Clock, intercept: SagaStoreInterceptor) {
    this.death = new Promise((resolve) => (this.#die = resolve));
    this.clock = {
      now: () => clock.now(),
      schedule: (delayMs, callback): Timer =>
        clock.schedule(delayMs, () => {
          if (!this.#dead) callback();
        }),
    };
    const dying: SagaStore<Tx> = {
      ...interceptSagaStore(store, (_call, proceed) => proceed()),
      transaction: (work) =>
        // The server notices that its client is gone, and rolls back.
        store.transaction((tx) => Promise.race([work(tx), this.#rejection()])),
    };
    this.store = interceptSagaStore(dying, async (call, proceed) => {
      if (this.#dead) return never();
      try {
        const value = await intercept(call, proceed);
        return this.#dead ? await never() : value;
      } catch (error) {
        return this.#dead ? never() : Promise.reject(error);
      }
    });
  }

  get isDead(): boolean {
    return this.#dead;
  }

  kill(): void {
    this.#dead = true;
    this.#die();
  }

  /** What other code of this process waits for: comes only while it lives. */
  async answer<T>(promise: Promise<T>): Promise<T> {
    if (this.#dead) return never();
    try {
      const value = await promise;
      return this.#dead ? await never() : value;
    } catch (error) {
      return this.#dead ? never() : Promise.reject(error);
    }
  }

  async #rejection(): Promise<never> {
    await this.death;
    throw new Error('The process died.');
  }
}

/** The answer a dead process gets. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}
