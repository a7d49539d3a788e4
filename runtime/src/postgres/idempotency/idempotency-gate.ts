import { keyInUse } from '../../http/idempotency/key-errors.ts';
import { within } from './within.ts';

/**
 * Lets requests with a key through: one at a time for each key, and only so many transactions in all. Both keep
 * connections free. Repeats of one key would each hold a connection only to wait in the database; and handlers that need
 * a second connection beside their transaction would, when all are in transactions, wait for each other for ever.
 */
export class IdempotencyGate {
  readonly #busy = new Map<string, Promise<unknown>>();
  readonly #waiting: (() => void)[] = [];
  #free: number;
  readonly #patienceMs: number;

  constructor(options: { readonly places: number; readonly patienceMs: number }) {
    this.#free = options.places;
    this.#patienceMs = options.patienceMs;
  }

  /**
   * Does the work of a key when nobody else in this process is at it.
   * @throws PotterError `IDEMPOTENCY_KEY_IN_USE` when the key stays busy for longer than the patience.
   */
  async oneAtATime<T>(key: string, work: () => Promise<T>): Promise<T> {
    const deadlineMs = performance.now() + this.#patienceMs;
    // All who wait are woken at once; the first marks the key before any other looks, and these wait again.
    for (let busy = this.#busy.get(key); busy !== undefined; busy = this.#busy.get(key)) {
      if (!(await within(busy, deadlineMs - performance.now()))) throw keyInUse();
    }
    const turn = work();
    this.#busy.set(key, Promise.allSettled([turn]));
    try {
      return await turn;
    } finally {
      this.#busy.delete(key);
    }
  }

  /** Does work that takes a transaction, when there is a place for it. */
  async inPlace<T>(work: () => Promise<T>): Promise<T> {
    await this.#takePlace();
    try {
      return await work();
    } finally {
      this.#givePlace();
    }
  }

  async #takePlace(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** A place goes straight to who waits longest: nobody who comes later can take it. */
  #givePlace(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
