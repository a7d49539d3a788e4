/** Where a worker stands among those whose lease is good. */
export interface Place {
  /** How many there are, itself included. */
  readonly workers: number;
  /** How many of them have a lower id. */
  readonly before: number;
}

/** However many workers there are, the last of them looks after this long. */
const LONGEST_DELAY_MS = 20;
/** However many workers there are, one that is told all the time looks this often. */
const LONGEST_PAUSE_MS = 50;

/**
 * All workers are told that there is work, at the same time, and one look takes all of it. So they take turns: whose turn it
 * is looks at once, and each of the others a little later than the one before it, for whatever is left. Who is told again
 * and again looks less often the more workers there are, so that together they look as often as one.
 */
export class WorkTurns {
  readonly #look: () => void;
  readonly #spacingMs: number;
  #place: Place = { workers: 1, before: 0 };
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Infinity;
  #lookedAtMs = -Infinity;

  /**
   * @param look called when it is time to look for work; returns at once.
   * @param spacingMs between one worker's look and the next one's; 0: each looks whenever it is told.
   */
  constructor(look: () => void, spacingMs: number) {
    this.#look = look;
    this.#spacingMs = spacingMs;
  }

  /** A claim has seen the other workers. */
  learn(place: Place): void {
    this.#place = place;
  }

  /** @param turn a number that all workers are told alike, another one each time; without one there are no turns. */
  told(turn: string): void {
    const number = Number.parseInt(turn, 10);
    const delayMs = Number.isNaN(number) ? 0 : this.#delayMs(number);
    const atMs = performance.now() + delayMs;
    // A look that is to come anyway comes after what this is about.
    if (atMs >= this.#timerAtMs) return;
    this.cancel();
    if (delayMs <= 0) {
      this.#lookNow();
      return;
    }
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(() => {
      this.cancel();
      this.#lookNow();
    }, delayMs);
    this.#timer.unref();
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timerAtMs = Infinity;
  }

  #lookNow(): void {
    this.#lookedAtMs = performance.now();
    this.#look();
  }

  #delayMs(turn: number): number {
    const { workers, before } = this.#place;
    const behind = (before + workers - (turn % workers)) % workers;
    const spacingMs = Math.min(this.#spacingMs, LONGEST_DELAY_MS / workers);
    const pauseMs = Math.min(this.#spacingMs * workers, LONGEST_PAUSE_MS);
    const rested = this.#lookedAtMs + pauseMs - performance.now();
    return Math.max(behind * spacingMs, rested);
  }
}
