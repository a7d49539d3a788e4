import { PotterError } from '../errors/potter-error.ts';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';

/**
 * Waits `delayMs` milliseconds on `clock`.
 * @throws PotterError `ABORTED` as soon as `signal` fires, with its reason as the cause.
 */
export function sleep(
  delayMs: number,
  options: { readonly clock?: Clock; readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const { clock = systemClock, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError(signal));
    const onAbort = (): void => {
      timer.cancel();
      reject(abortError(signal));
    };
    const timer = clock.schedule(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** The error for a wait that its caller gave up. */
export function abortError(signal: AbortSignal | undefined): PotterError {
  return new PotterError('ABORTED', {
    message: 'The wait was given up by its caller.',
    cause: signal?.reason,
  });
}

/** @throws PotterError `ABORTED` when `signal` has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}
