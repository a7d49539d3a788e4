import { setImmediate } from 'node:timers';
import type { Clock, Timer } from '../../foundation/clock.ts';
import { never } from './simulated-process.ts';

/**
 * How a process dies at a write:
 * - `before`: the write was never sent,
 * - `during`: it was made, and the process never learned of it,
 * - `racing`: it is on its way while others already recover,
 * - `late`: it arrives after they have, see {@link MortalProcess.deliver},
 * - `after`: the process learned of it and did what follows, but never wrote again.
 */
export type DeathMode = 'before' | 'during' | 'racing' | 'late' | 'after';

/** A process that dies at one of its writes: from then on none of its timers fires and none of its calls is answered. */
export class MortalProcess {
  readonly clock: Clock;
  /** Resolves when it dies. */
  readonly death: Promise<void>;
  /** Calls that it made and will never hear of. */
  readonly inFlight: Promise<unknown>[] = [];
  readonly #kill: { readonly at: number; readonly mode: DeathMode } | undefined;
  #writes = 0;
  #dead = false;
  #mute = false;
  #die: () => void = () => {};
  #deliver: () => void = () => {};

  constructor(clock: Clock, kill: { readonly at: number; readonly mode: DeathMode } | undefined) {
    this.#kill = kill;
    this.death = new Promise((resolve) => {
      this.#die = () => {
        this.#dead = true;
        resolve();
      };
    });
    this.clock = {
      now: () => clock.now(),
      schedule: (delayMs, callback): Timer =>
        clock.schedule(delayMs, () => {
          if (!this.#dead) callback();
        }),
    };
  }

  /** How many writes it made, or was about to make. */
  get writes(): number {
    return this.#writes;
  }

  /** Lets a late write arrive. */
  deliver(): void {
    this.#deliver();
  }

  /** Something outside of the process, as the process reaches it. */
  reach<T extends object>(target: T, writes: readonly string[]): T {
    return new Proxy(target, {
      get: (_target, property) => {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        const method = value as (...args: unknown[]) => Promise<unknown>;
        return (...args: unknown[]) =>
          this.#call(writes.includes(String(property)), () => method.apply(target, args));
      },
    });
  }

  async #call(isWrite: boolean, call: () => Promise<unknown>): Promise<unknown> {
    if (this.#dead || (this.#mute && isWrite)) return never();
    const at = isWrite ? (this.#writes += 1) : 0;
    const mode = this.#kill !== undefined && this.#kill.at === at ? this.#kill.mode : undefined;
    if (mode === 'before') {
      this.#die();
      return never();
    }
    const answer = mode === 'late' ? this.#delivery().then(call) : call();
    this.inFlight.push(answer.catch(() => {}));
    if (mode === 'racing' || mode === 'late') {
      this.#die();
      return never();
    }
    try {
      const value = await answer;
      return await this.#answered(mode, () => value);
    } catch (error) {
      return this.#answered(mode, () => Promise.reject(error));
    }
  }

  #delivery(): Promise<void> {
    return new Promise((resolve) => (this.#deliver = resolve));
  }

  async #answered<T>(mode: DeathMode | undefined, answer: () => T | Promise<T>): Promise<T> {
    if (this.#dead) return never();
    if (mode === 'during') {
      this.#die();
      return never();
    }
    if (mode === 'after') {
      this.#mute = true;
      // It lives on until what it does next has had its time; then it is found dead.
      void lastBreath().then(() => this.#die());
    }
    return answer();
  }
}

/** Long enough for code that waits for nothing but itself. */
function lastBreath(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(() => setImmediate(() => setImmediate(resolve)));
  });
}
