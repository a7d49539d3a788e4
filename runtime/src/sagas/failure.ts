import { describeError, type ErrorDescription } from '../errors/describe-error.ts';
import { isPotterError } from '../errors/potter-error.ts';
import { isRejection } from '../errors/rejection.ts';
import { type Duration, durationMs } from '../foundation/duration.ts';
import type { FailedOutcome } from './saga-event.ts';
import type { NonRetryable } from './definition/step-options.ts';

/**
 * What a failed attempt leads to:
 * - `rejected`: no retry,
 * - `transient`: retries,
 * - `defect`: retries; after them `onDefect` of the saga decides.
 */
export interface Failure {
  readonly kind: 'rejected' | 'transient' | 'defect';
  readonly outcome: FailedOutcome;
  readonly error: ErrorDescription;
  /** No attempt sooner than this, as the one who failed asked. */
  readonly retryAfterMs?: number;
}

/**
 * What a step throws to be tried again later than its retry policy says. Any error with a `retryAfter` property
 * (a Duration, numbers being milliseconds, or a Date) has the same effect.
 */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';
  readonly retryAfter: Duration | Date;

  constructor(retryAfter: Duration | Date, message = 'Asked to be tried again later.') {
    super(message);
    this.retryAfter = retryAfter;
  }
}

/** Errors that say that the answer is missing, not that the work was not done. */
const NO_ANSWER = ['TIMEOUT', 'ABORTED', 'DATABASE_UNAVAILABLE', 'REMOTE_UNAVAILABLE'] as const;

/** Sorts what a step threw. */
export function classify(thrown: unknown, nonRetryable: NonRetryable, now: Date): Failure {
  const error = describeError(thrown);
  if (isRejection(thrown) || isListed(thrown, nonRetryable)) {
    return { kind: 'rejected', outcome: 'failed', error };
  }
  const retryAfterMs = retryAfterOf(thrown, now);
  return {
    kind: isDefect(thrown) ? 'defect' : 'transient',
    outcome: NO_ANSWER.some((code) => isPotterError(thrown, code)) ? 'unknown' : 'failed',
    error,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

function isListed(thrown: unknown, nonRetryable: NonRetryable): boolean {
  if (typeof nonRetryable === 'function') return nonRetryable(thrown);
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return false;
  return typeof thrown.code === 'string' && nonRetryable.includes(thrown.code);
}

const DEFECTS = [TypeError, ReferenceError, RangeError, SyntaxError, EvalError, URIError];

/** A bug in the step, as far as one can tell: the language's own errors, and values the runtime cannot take. */
function isDefect(thrown: unknown): boolean {
  if (isPotterError(thrown, 'INVALID_ARGUMENT') || isPotterError(thrown, 'SERIALIZATION_FAILED')) {
    return true;
  }
  // fetch reports a broken connection as a TypeError whose cause says so.
  return (
    DEFECTS.some((defect) => thrown instanceof defect) && (thrown as Error).cause === undefined
  );
}

function retryAfterOf(thrown: unknown, now: Date): number | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('retryAfter' in thrown)) return undefined;
  const { retryAfter } = thrown;
  if (retryAfter instanceof Date) return Math.max(0, retryAfter.getTime() - now.getTime());
  try {
    return durationMs(retryAfter as Duration);
  } catch {
    // Somebody else's property of the same name: the retry policy decides alone.
    return undefined;
  }
}
