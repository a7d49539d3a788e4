import { keyInUse } from '../../http/idempotency/key-errors.ts';

/**
 * Lets requests with a key through: one at a time for each key, and only so many in all. Both keep connections free.
 * Repeats of one key would each hold a connection only to wait in the database; and handlers that need a second
 * connection beside their transaction would, when all are in transactions, wait for each other for ever.
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

  /** @throws PotterError `IDEMPOTENCY_KEY_IN_USE` when the key stays busy for longer than the patience. */
  async pass<T>(key: string, work: () => Promise<T>): Promise<T> {
    const deadlineMs = performance.now() + this.#patienceMs;
    // All who wait are woken at once; the first marks the key before any other looks, and these wait again.
    for (let busy = this.#busy.get(key); busy !== undefined; busy = this.#busy.get(key)) {
      await withinPatience(busy, deadlineMs - performance.now());
    }
    const turn = this.#turn(work);
    const ended = Promise.allSettled([turn]);
    this.#busy.set(key, ended);
    try {
      return await turn;
    } finally {
      this.#busy.delete(key);
    }
  }

  async #turn<T>(work: () => Promise<T>): Promise<T> {
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

async function withinPatience(busy: Promise<unknown>, patienceMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(keyInUse()), patienceMs);
  });
  try {
    await Promise.race([busy, patience]);
  } finally {
    clearTimeout(timer);
  }
}
