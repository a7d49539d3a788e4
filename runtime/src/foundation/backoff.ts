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
  /** No attempt starts later than this after the first did, in milliseconds. Infinity: no such limit. */
  readonly maxElapsedMs: number;
  readonly jitter: Jitter;
}

/** One attempt, no retry. */
export const noRetry: RetryPolicy = {
  maxAttempts: 1,
  initialDelayMs: 0,
  factor: 1,
  maxDelayMs: 0,
  maxElapsedMs: Number.POSITIVE_INFINITY,
  jitter: 'none',
};

/** A fixed delay between attempts: 3 attempts, 1 s apart, no jitter, unless told otherwise. */
export function simpleRetry(
  options: { readonly maxAttempts?: number; readonly delay?: Duration; readonly jitter?: Jitter } = {},
): RetryPolicy {
  const delayMs = durationMs(options.delay ?? '1s');
  return {
    ...noRetry,
    maxAttempts: options.maxAttempts ?? 3,
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
    maxAttempts: options.maxAttempts ?? 5,
    initialDelayMs: durationMs(options.initialDelay ?? 100),
    factor: options.factor ?? 2,
    maxDelayMs: durationMs(options.maxDelay ?? '30s'),
    maxElapsedMs:
      options.maxElapsed === undefined ? Number.POSITIVE_INFINITY : durationMs(options.maxElapsed),
    jitter: options.jitter ?? 'full',
  };
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
  const plainMs = Math.min(
    policy.maxDelayMs,
    policy.initialDelayMs * policy.factor ** (state.attempt - 1),
  );
  const delayMs = Math.round(spread(policy, plainMs, state.previousDelayMs, random));
  return state.elapsedMs + delayMs > policy.maxElapsedMs ? undefined : delayMs;
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
