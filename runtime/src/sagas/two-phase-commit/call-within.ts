import { PotterError } from '../../errors/potter-error.ts';
import type { Clock } from '../../foundation/clock.ts';
import { abortError } from '../../foundation/sleep.ts';

/**
 * Waits for a call no longer than it may take, whether or not the call heeds its signal.
 * @throws PotterError `TIMEOUT`, or `ABORTED` when the caller's own signal fires.
 */
export async function callWithin<T>(
  limits: {
    readonly clock: Clock;
    readonly timeoutMs: number;
    readonly signal?: AbortSignal | undefined;
  },
  what: string,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock, timeoutMs, signal } = limits;
  if (signal?.aborted) throw abortError(signal);
  const patience = new AbortController();
  const givenUp = new Promise<never>((_resolve, reject) => {
    const { signal: over } = patience;
    over.addEventListener('abort', () => reject(over.reason as PotterError), { once: true });
  });
  const timer = clock.schedule(timeoutMs, () => {
    const message = `${what} did not answer within ${timeoutMs} ms.`;
    patience.abort(new PotterError('TIMEOUT', { message, details: { timeoutMs } }));
  });
  const onAbort = (): void => patience.abort(abortError(signal));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([call(patience.signal), givenUp]);
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', onAbort);
  }
}
