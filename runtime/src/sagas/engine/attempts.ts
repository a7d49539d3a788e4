import type { PotterError } from '../../errors/potter-error.ts';
import type { RunningAttempt as Attempt } from '../machine/next-work.ts';
import type { RunningAttempt } from './running-attempt.ts';

/** The attempts of one saga that run here. */
export class Attempts {
  readonly #running = new Map<string, RunningAttempt>();

  /** Makes what runs here be what the journal says is running: begins what is missing, drops what is not in it. */
  align(
    wanted: readonly Attempt[],
    begin: (attempt: Attempt) => RunningAttempt | undefined,
    lost: () => PotterError,
  ): void {
    for (const [key, running] of this.#running) {
      if (wanted.some((attempt) => isSame(attempt, running.attempt))) continue;
      this.#running.delete(key);
      running.drop(lost());
    }
    for (const attempt of wanted) {
      if (this.#running.has(keyOf(attempt))) continue;
      const running = begin(attempt);
      if (running) this.#running.set(keyOf(attempt), running);
    }
  }

  /** Tells the attempt that does a step to stop; one that undoes is never told. */
  stopForward(path: string, reason: PotterError): void {
    this.#running.get(keyOf({ path, direction: 'forward' }))?.tell(reason);
  }

  /** Hears no more of any; tells only what goes forward. */
  abandon(reason: PotterError): void {
    for (const running of this.#running.values()) {
      if (running.attempt.direction === 'forward') running.drop(reason);
      else running.end();
    }
  }

  /** Tells all, and hears no more of any. */
  drop(reason: PotterError): void {
    for (const running of this.#running.values()) running.drop(reason);
  }

  ended(running: RunningAttempt): void {
    running.end();
    const key = keyOf(running.attempt);
    if (this.#running.get(key) === running) this.#running.delete(key);
  }
}

function keyOf({ path, direction }: Pick<Attempt, 'path' | 'direction'>): string {
  return `${path}/${direction}`;
}

function isSame(one: Attempt, other: Attempt): boolean {
  return (
    one.path === other.path && one.direction === other.direction && one.attempt === other.attempt
  );
}
