import { isPotterError } from '../../errors/potter-error.ts';
import { exponentialBackoff, nextDelayMs } from '../../foundation/backoff.ts';
import { abortError, sleep, throwIfAborted } from '../../foundation/sleep.ts';
import { type EngineContext, errorFields } from './engine-context.ts';

const BACKOFF = exponentialBackoff({
  maxAttempts: Infinity,
  initialDelay: 20,
  maxDelay: '2s',
  jitter: 'equal',
});

/** Errors that the same call would meet again. */
const PERMANENT = ['SERIALIZATION_FAILED', 'SAGA_ALREADY_EXISTS', 'INVALID_ARGUMENT'] as const;

/**
 * Calls the store again and again until it answers: only for calls that may be repeated. Gives up when `alive` fires:
 * the lease is lost, and with it the right and the reason to go on.
 * @throws PotterError `ABORTED` when `alive` fires; what the call throws when no repetition could help.
 */
export function persist<T>(
  context: PersistContext,
  alive: AbortSignal,
  call: () => Promise<T>,
): Promise<T> {
  if (alive.aborted) return Promise.reject(abortError(alive));
  return call().catch((error: unknown) => persistAgain(context, alive, call, error));
}

type PersistContext = Pick<EngineContext<never>, 'clock' | 'random' | 'logger' | 'metrics'>;

/** The way of a call that failed once: kept apart, so that the usual way is short. */
export async function persistAgain<T>(
  context: PersistContext,
  alive: AbortSignal,
  call: () => Promise<T>,
  failed: unknown,
): Promise<T> {
  let error = failed;
  for (let attempt = 1; ; attempt += 1) {
    if (PERMANENT.some((code) => isPotterError(error, code))) throw error;
    const fields = errorFields(error);
    context.metrics.storeError(fields.code);
    context.logger.warn('The saga store failed; trying again.', { attempt, ...fields });
    const delayMs = nextDelayMs(BACKOFF, { attempt, elapsedMs: 0 }, context.random) ?? 0;
    await sleep(delayMs, { clock: context.clock, signal: alive });
    throwIfAborted(alive);
    try {
      return await call();
    } catch (next) {
      error = next;
    }
  }
}
