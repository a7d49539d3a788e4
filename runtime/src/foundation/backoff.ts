import { PotterError } from '../errors/potter-error.ts';
import { type Duration, durationMs } from './duration.ts';

/**
 * How a delay is spread so that many callers do not return together.
 * - `none`: as computed,
 * - `full`: evenly between 0 and the computed delay,
 * - `equal`: half the computed delay plus evenly up to the other half,
 * - `decorrelated`: evenly between the initial delay and three times the previous delay, within the cap.
 * Source of the four: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export type Jitter = 'none' | 'full' | 'equal' | 'decorrelated';

/** A schedule of retries, as plain data: it can be stored and compared. Build it with the functions of this file. */
export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly maxAttempts: number;
  /** Delay before the second attempt, in milliseconds. */
  readonly initialDelayMs: number;
  /** Each delay is the one before times this. 1 is a fixed delay. */
  readonly factor: number;
  /** No delay is longer, in milliseconds. */
  readonly maxDelayMs: number;
  /** No attempt starts later than this after the first did, in milliseconds. Left out: no such limit. */
  readonly maxElapsedMs?: number;
  readonly jitter: Jitter;
}

/** One attempt, no retry. */
export const noRetry: RetryPolicy = {
  maxAttempts: 1,
  initialDelayMs: 0,
  factor: 1,
  maxDelayMs: 0,
  jitter: 'none',
};

/** A fixed delay between attempts: 3 attempts, 1 s apart, no jitter, unless told otherwise. */
export function simpleRetry(
  options: {
    readonly maxAttempts?: number;
    readonly delay?: Duration;
    readonly jitter?: Jitter;
  } = {},
): RetryPolicy {
  const delayMs = durationMs(options.delay ?? '1s');
  return {
    ...noRetry,
    maxAttempts: checkedAttempts(options.maxAttempts ?? 3),
    initialDelayMs: delayMs,
    maxDelayMs: delayMs,
    jitter: options.jitter ?? 'none',
  };
}

/** Doubling delays: 5 attempts, from 100 ms, at most 30 s, full jitter, no limit on the whole, unless told otherwise. */
export function exponentialBackoff(
  options: {
    readonly maxAttempts?: number;
    readonly initialDelay?: Duration;
    readonly factor?: number;
    readonly maxDelay?: Duration;
    readonly maxElapsed?: Duration;
    readonly jitter?: Jitter;
  } = {},
): RetryPolicy {
  return {
    maxAttempts: checkedAttempts(options.maxAttempts ?? 5),
    initialDelayMs: durationMs(options.initialDelay ?? 100),
    factor: checkedFactor(options.factor ?? 2),
    maxDelayMs: durationMs(options.maxDelay ?? '30s'),
    ...(options.maxElapsed !== undefined && { maxElapsedMs: durationMs(options.maxElapsed) }),
    jitter: options.jitter ?? 'full',
  };
}

/** Infinity is allowed: a schedule that never ends by itself. NaN would be one too, by accident. */
function checkedAttempts(maxAttempts: number): number {
  if (maxAttempts >= 1 && (Number.isInteger(maxAttempts) || maxAttempts === Infinity))
    return maxAttempts;
  throw new PotterError('INVALID_ARGUMENT', {
    message: `maxAttempts is ${maxAttempts}.`,
    remedy: 'Use a whole number of attempts, the first included: 1 means no retry.',
    details: { maxAttempts },
  });
}

function checkedFactor(factor: number): number {
  if (factor >= 1 && Number.isFinite(factor)) return factor;
  throw new PotterError('INVALID_ARGUMENT', {
    message: `factor is ${factor}.`,
    remedy: 'Use 1 for a fixed delay, or more for growing delays.',
    details: { factor },
  });
}

/** What the schedule needs to know of the attempts so far. */
export interface RetryState {
  /** Attempts that were made; at least 1. */
  readonly attempt: number;
  /** Since the first attempt started, in milliseconds. */
  readonly elapsedMs: number;
  /** The delay before the last attempt, in milliseconds. Only `decorrelated` looks at it; default the initial delay. */
  readonly previousDelayMs?: number;
}

/**
 * The delay before the next attempt in milliseconds, or undefined when there is to be none.
 * @param random a number in [0, 1); a test passes its own.
 */
export function nextDelayMs(
  policy: RetryPolicy,
  state: RetryState,
  random: () => number = Math.random,
): number | undefined {
  if (state.attempt >= policy.maxAttempts) return undefined;
  // After a thousand attempts the power is Infinity, and Infinity times no delay is not a number.
  const growth = Math.min(policy.factor ** (state.attempt - 1), Number.MAX_VALUE);
  const plainMs = Math.min(policy.maxDelayMs, policy.initialDelayMs * growth);
  const delayMs = Math.round(spread(policy, plainMs, state.previousDelayMs, random));
  const { maxElapsedMs = Number.POSITIVE_INFINITY } = policy;
  return state.elapsedMs + delayMs > maxElapsedMs ? undefined : delayMs;
}

function spread(
  policy: RetryPolicy,
  plainMs: number,
  previousDelayMs: number | undefined,
  random: () => number,
): number {
  switch (policy.jitter) {
    case 'none':
      return plainMs;
    case 'full':
      return random() * plainMs;
    case 'equal':
      return plainMs / 2 + (random() * plainMs) / 2;
    case 'decorrelated': {
      const upper = 3 * (previousDelayMs ?? policy.initialDelayMs);
      return Math.min(
        policy.maxDelayMs,
        policy.initialDelayMs + random() * Math.max(0, upper - policy.initialDelayMs),
      );
    }
  }
}
