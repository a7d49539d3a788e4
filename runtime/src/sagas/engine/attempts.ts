import { PotterError } from '../../errors/potter-error.ts';
import type { RunningAttempt as Attempt, StopOrder } from '../machine/next-work.ts';
import type { RunningAttempt } from './running-attempt.ts';

/**
 * The attempts of one saga that run here, and those that ended here while the journal does not say so yet: what waits to be
 * written down is not begun again because something else was written first. They are few, most often one, so that looking
 * through them beats a map.
 */
export class Attempts {
  readonly #running: RunningAttempt[] = [];

  /** Makes what runs here be what the journal says is running: begins what is missing, drops what is not in it. */
  align(
    wanted: readonly Attempt[],
    begin: (attempt: Attempt) => RunningAttempt | undefined,
    lost: () => PotterError,
  ): void {
    for (let at = this.#running.length - 1; at >= 0; at -= 1) {
      const running = this.#running[at];
      if (!running || wanted.some((attempt) => isSame(attempt, running.attempt))) continue;
      this.#running.splice(at, 1);
      if (!running.isSettled) running.drop(lost());
    }
    for (const attempt of wanted) {
      if (this.#find(attempt)) continue;
      const running = begin(attempt);
      if (running) this.#running.push(running);
    }
  }

  /** Tells the attempt that does a step to stop; one that undoes is never told. */
  stop(order: StopOrder): void {
    this.#find({ path: order.path, direction: 'forward' })?.tell(stopped(order));
  }

  /** Hears no more of any; tells only what goes forward. */
  abandon(reason: PotterError): void {
    for (const running of this.#running) {
      if (running.isSettled) continue;
      if (running.attempt.direction === 'forward') running.drop(reason);
      else running.end();
    }
  }

  /** Tells all, and hears no more of any. */
  drop(reason: PotterError): void {
    for (const running of this.#running) {
      if (!running.isSettled) running.drop(reason);
    }
  }

  #find(at: Pick<Attempt, 'path' | 'direction'>): RunningAttempt | undefined {
    for (const running of this.#running) {
      const { path, direction } = running.attempt;
      if (path === at.path && direction === at.direction) return running;
    }
    return undefined;
  }
}

function isSame(one: Attempt, other: Attempt): boolean {
  return (
    one.path === other.path && one.direction === other.direction && one.attempt === other.attempt
  );
}

const STOP_CODES = [
  'SAGA_TIMED_OUT',
  'SAGA_CANCELLED',
  'SAGA_BRANCH_STOPPED',
  'SAGA_REWOUND',
  'SAGA_UNDONE',
] as const;

/** What an attempt is told that runs in vain. */
function stopped({ error: { code, message } }: StopOrder): PotterError {
  return new PotterError(STOP_CODES.find((known) => known === code) ?? 'SAGA_CANCELLED', {
    message,
  });
}
