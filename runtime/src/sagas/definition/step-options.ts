import { exponentialBackoff, type RetryPolicy } from '../../foundation/backoff.ts';
import { type Duration, durationMs } from '../../foundation/duration.ts';
import type {
  CompensateContext,
  CompensateWhen,
  ExecuteContext,
  UndoContext,
} from './step-context.ts';

/** Which thrown errors are not worth a retry: codes, or a predicate. A Rejection never is. */
export type NonRetryable = readonly string[] | ((error: unknown) => boolean);

/** How a step is tried: what does not depend on its types. */
export interface StepPolicy<When extends CompensateWhen = CompensateWhen> {
  /**
   * `attempted` (default): undo also what failed or may have happened. `completed`: undo only what was done. `forced`: undo
   * only when a person forces the saga back past its pivot; the only one there is after a pivot.
   */
  readonly compensateWhen?: When;
  /** Between attempts to do it. Default `exponentialBackoff()`: 5 attempts. */
  readonly retry?: RetryPolicy;
  /** Time for one attempt to do it. Default 30 s. Past it the signal fires and the attempt's result counts no more. */
  readonly timeout?: Duration;
  /** Time for all attempts to do it together, waits included. Default: none. */
  readonly totalTimeout?: Duration;
  /** Errors after which doing is not tried again. Default: none but rejections. */
  readonly nonRetryable?: NonRetryable;
  /** Between attempts to undo it. Default: 20 attempts, from 100 ms to 1 min apart. */
  readonly compensateRetry?: RetryPolicy;
  /** Time for one attempt to undo it. Default: that of `timeout`. */
  readonly compensateTimeout?: Duration;
}

/** A step: how to do it, how to undo it, and how often to try. Write `execute` before `compensate`: types flow that way. */
export interface StepOptions<
  Input,
  Results,
  Result,
  When extends CompensateWhen,
> extends StepPolicy<When> {
  /** Does the step. What it returns must have a JSON form. Throw a `Rejection` to say no: the saga is then undone. */
  readonly execute: (context: ExecuteContext<Input, Results>) => Result | Promise<Result>;
  /** Undoes it. May be called for a step that never had an effect, and must then do nothing. Left out: nothing to undo. */
  readonly compensate?: (context: CompensateContext<Input, Results, Result, When>) => unknown;
}

/** A step whose writes and whose journal entry are one transaction of the saga store's database. */
export interface TransactionalStepOptions<
  Input,
  Results,
  Result,
  When extends CompensateWhen,
  Tx,
> extends StepPolicy<When> {
  /** Does the step inside `tx`, which commits together with the journal entry, or not at all. */
  readonly execute: (
    context: ExecuteContext<Input, Results> & { readonly tx: Tx },
  ) => Result | Promise<Result>;
  /** Undoes it, also inside a transaction that includes the journal entry. */
  readonly compensate?: (
    context: CompensateContext<Input, Results, Result, When> & { readonly tx: Tx },
  ) => unknown;
}

/** Something that was done before the saga, and how the saga undoes it. */
export interface AlreadyDoneOptions<Input, Tx> extends Pick<
  StepPolicy,
  'compensateRetry' | 'compensateTimeout'
> {
  /** Undoes it inside `tx`, which commits together with the journal entry, or not at all. The last undo of all. */
  readonly compensate: (context: UndoContext<Input> & { readonly tx: Tx }) => unknown;
}

/** How attempts in one direction are tried, with every default filled in. */
export interface AttemptPolicy {
  readonly retry: RetryPolicy;
  readonly timeoutMs: number;
  readonly totalTimeoutMs: number | null;
  readonly nonRetryable: NonRetryable;
}

const DEFAULT_TIMEOUT: Duration = '30s';
const DEFAULT_RETRY = exponentialBackoff();
const DEFAULT_COMPENSATE_RETRY = exponentialBackoff({ maxAttempts: 20, maxDelay: '1m' });

/** Doing, with defaults. */
export function forwardPolicy(options: StepPolicy): AttemptPolicy {
  return {
    retry: options.retry ?? DEFAULT_RETRY,
    timeoutMs: durationMs(options.timeout ?? DEFAULT_TIMEOUT),
    totalTimeoutMs: options.totalTimeout === undefined ? null : durationMs(options.totalTimeout),
    nonRetryable: options.nonRetryable ?? [],
  };
}

/** Undoing, with defaults. */
export function compensatePolicy(options: StepPolicy): AttemptPolicy {
  return {
    retry: options.compensateRetry ?? DEFAULT_COMPENSATE_RETRY,
    timeoutMs: durationMs(options.compensateTimeout ?? options.timeout ?? DEFAULT_TIMEOUT),
    totalTimeoutMs: null,
    nonRetryable: [],
  };
}
