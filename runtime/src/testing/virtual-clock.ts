import { setImmediate } from 'node:timers';
import { PotterError } from '../errors/potter-error.ts';
import type { Clock, Timer } from '../foundation/clock.ts';
import { type Duration, durationMs } from '../foundation/duration.ts';

interface PendingTimer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Options of a virtual clock. */
export interface VirtualClockOptions {
  /** What the clock shows at first. Default 2026-01-01T00:00:00Z, the same in every run. */
  readonly start?: Date;
  /**
   * Resolves when all that was woken waits again, for code that also waits for something else than this clock, such as a
   * database. Asked after every timer that fires. Default: a turn of the event loop.
   */
  readonly quiet?: () => Promise<void>;
}

/**
 * A clock that stands still until a test moves it. Timers run in the order they are due, those due at the same moment
 * in the order they were set, and the code woken by one runs to its next wait before the next timer fires.
 */
export class VirtualClock implements Clock {
  #nowMs: number;
  #order = 0;
  #timers: PendingTimer[] = [];
  #onSchedule: () => void = () => {};
  readonly #quiet: () => Promise<void>;

  constructor(options: VirtualClockOptions = {}) {
    this.#quiet = options.quiet ?? turnOfTheEventLoop;
    this.#nowMs = (options.start ?? new Date('2026-01-01T00:00:00Z')).getTime();
  }

  now(): Date {
    return new Date(this.#nowMs);
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const timer: PendingTimer = {
      dueMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#order++,
      callback,
    };
    this.#timers.push(timer);
    this.#timers.sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
    this.#onSchedule();
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.length;
  }

  /**
   * Moves the clock on, running what becomes due, including timers set meanwhile by what ran.
   * Code that waits for something else than this clock (a file, a database) is not waited for, unless `quiet` does: see
   * {@link settle}.
   */
  async advance(duration: Duration): Promise<void> {
    const untilMs = this.#nowMs + durationMs(duration);
    await this.#quiet();
    for (let next = this.#timers[0]; next && next.dueMs <= untilMs; next = this.#timers[0]) {
      await this.#fire(next);
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /**
   * Lets time pass, timer by timer, until `promise` settles, and settles like it. For code that sleeps several times,
   * and for code that also waits for real input and output between its sleeps.
   * @param options.limit how much virtual time may pass. Default 24 h.
   * @throws PotterError `TIMEOUT` when the promise needs more virtual time than that.
   */
  async settle<T>(promise: Promise<T>, options: { readonly limit?: Duration } = {}): Promise<T> {
    const limitMs = durationMs(options.limit ?? '24h');
    const untilMs = this.#nowMs + limitMs;
    let settled = false;
    const whenSettled = promise.then(
      () => void (settled = true),
      () => void (settled = true),
    );
    for (;;) {
      await this.#quiet();
      if (settled) return promise;
      const next = this.#timers[0];
      if (next === undefined) await Promise.race([whenSettled, this.#nextSchedule()]);
      else if (next.dueMs <= untilMs) await this.#fire(next);
      else throw needsMoreTime(limitMs);
    }
  }

  #nextSchedule(): Promise<void> {
    return new Promise((resolve) => {
      this.#onSchedule = resolve;
    });
  }

  async #fire(timer: PendingTimer): Promise<void> {
    this.#timers = this.#timers.filter((other) => other !== timer);
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
    timer.callback();
    await this.#quiet();
  }
}

/** Every promise that can go on without new input has gone on by then; counting microtasks could not promise that. */
function turnOfTheEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function needsMoreTime(limitMs: number): PotterError {
  return new PotterError('TIMEOUT', {
    message: `The promise did not settle within ${limitMs} ms of virtual time.`,
    remedy: 'Pass a larger limit, or look for a timer that is set again and again.',
    details: { limitMs },
  });
}
