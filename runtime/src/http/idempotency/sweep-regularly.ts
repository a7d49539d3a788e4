import { systemClock, type Timer } from '../../foundation/clock.ts';
import { describeError } from '../../errors/describe-error.ts';
import type { Logger } from '../../foundation/logger.ts';
import type { IdempotencyStore } from './idempotency-store.ts';

/** Often enough that expired keys stay few; the first time after a random part of it, so that processes spread. */
const INTERVAL_MS = 10 * 60_000;

/** Forgets expired keys now and then until the service stops. A failure is only logged: the next turn tries again. */
export function sweepRegularly<Tx>(
  store: IdempotencyStore<Tx>,
  logger: Logger,
  stopping: AbortSignal,
): void {
  let timer: Timer;
  const turn = async (): Promise<void> => {
    try {
      while (!stopping.aborted && (await store.sweep()) > 0);
    } catch (error) {
      logger.debug('expired idempotency keys stay for now', { error: describeError(error) });
    }
    if (!stopping.aborted) timer = systemClock.schedule(INTERVAL_MS, () => void turn());
  };
  timer = systemClock.schedule(Math.random() * INTERVAL_MS, () => void turn());
  stopping.addEventListener('abort', () => timer.cancel(), { once: true });
}
