import { describeError } from '../../errors/describe-error.ts';
import { PotterError } from '../../errors/potter-error.ts';
import { isRejection } from '../../errors/rejection.ts';
import type { Clock, Timer } from '../../foundation/clock.ts';
import type { Failure } from '../failure.ts';
import type { RunningAttempt as Attempt } from '../machine/next-work.ts';
import { asStored } from '../stored-value.ts';

/** How an attempt ended. */
export type Settlement =
  | { readonly kind: 'completed'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly thrown: unknown }
  /** It ended after it was told to stop, or did not end in time: what it did is not known. */
  | { readonly kind: 'given-up'; readonly failure: Failure };

/**
 * One attempt while it runs here: its signal, its deadline, and the decision, made once, of how it ended. After that nothing
 * it does is heard any more.
 */
export class RunningAttempt {
  readonly attempt: Attempt;
  readonly startedMs: number;
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #settle: (settlement: Settlement) => void;
  /** Made when somebody looks: most attempts never do. */
  #controller: AbortController | undefined;
  #timer: Timer | undefined;
  #told: PotterError | undefined;
  #settled = false;
  #committing = false;

  constructor(
    attempt: Attempt,
    options: { readonly clock: Clock; readonly graceMs: number; readonly now: Date },
    settle: (settlement: Settlement) => void,
  ) {
    this.attempt = attempt;
    this.#clock = options.clock;
    this.#graceMs = options.graceMs;
    this.#settle = settle;
    this.startedMs = options.now.getTime();
  }

  /** Tells it to stop when it is out of time. */
  watch(): void {
    const { deadlineAt } = this.attempt;
    if (!deadlineAt || this.#told || this.#settled) return;
    const remainingMs = deadlineAt.getTime() - this.startedMs;
    this.#timer = this.#clock.schedule(remainingMs, () => this.tell(timedOut(this.attempt)));
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#told && !this.#controller.signal.aborted) this.#controller.abort(this.#told);
    return this.#controller.signal;
  }

  get isSettled(): boolean {
    return this.#settled;
  }

  /** Tells it to stop; if it has not ended after the grace, it is given up. */
  tell(reason: PotterError): void {
    if (this.#told || this.#settled) return;
    this.#told = reason;
    this.#timer?.cancel();
    this.#timer = this.#clock.schedule(this.#graceMs, () => this.#giveUp());
    this.#controller?.abort(reason);
  }

  /** Tells it to stop and hears no more of it: somebody else decides how it ended. */
  drop(reason: PotterError): void {
    this.#told ??= reason;
    this.end();
    this.#controller?.abort(this.#told);
  }

  /** @param rolledBack whether, should the result turn out to be none, it is known that nothing it did remains. */
  completed(result: unknown, rolledBack: boolean): void {
    // Out of time is out of time; a result that comes after a mere request to stop is still one.
    if (this.#told?.code === 'SAGA_STEP_TIMED_OUT') return this.#giveUp();
    let stored: unknown;
    try {
      stored = asStored(result);
    } catch (error) {
      return this.failed(error, rolledBack);
    }
    this.#end({ kind: 'completed', result: stored });
  }

  /** @param rolledBack whether it is known that nothing it did remains. */
  failed(thrown: unknown, rolledBack: boolean): void {
    if (this.#told && !isRejection(thrown)) return this.#giveUp(rolledBack);
    this.#end({ kind: 'failed', thrown });
  }

  /** Marks the moment from which only the store decides how it ends. @throws PotterError when it is too late for that. */
  beginCommit(): void {
    if (this.#told?.code === 'SAGA_STEP_TIMED_OUT') throw this.#told;
    if (this.#settled) throw this.#told ?? timedOut(this.attempt);
    this.#committing = true;
  }

  endCommit(): void {
    this.#committing = false;
  }

  /** It ended, and whoever calls this has dealt with it. */
  end(): void {
    this.#settled = true;
    this.#timer?.cancel();
  }

  #giveUp(rolledBack = false): void {
    if (this.#committing) {
      this.#timer = this.#clock.schedule(this.#graceMs, () => this.#giveUp());
      return;
    }
    this.#end({
      kind: 'given-up',
      failure: {
        kind: 'transient',
        outcome: rolledBack ? 'failed' : 'unknown',
        error: describeError(this.#told),
      },
    });
  }

  #end(settlement: Settlement): void {
    if (this.#settled) return;
    this.end();
    this.#settle(settlement);
  }
}

function timedOut({ path, attempt }: Attempt): PotterError {
  return new PotterError('SAGA_STEP_TIMED_OUT', {
    message: `Attempt ${attempt} of step '${path}' did not end in time.`,
    details: { path, attempt },
  });
}
