import { describeError } from '../errors/describe-error.ts';
import { PotterError } from '../errors/potter-error.ts';
import { isRejection } from '../errors/rejection.ts';
import { type Clock, systemClock } from '../foundation/clock.ts';
import { type Duration, durationMs } from '../foundation/duration.ts';
import type { Logger } from '../foundation/logger.ts';
import type { Meter } from '../observability/meter.ts';
import type { Message } from './message.ts';

/**
 * Stands between sender and handler: may look, change the message it passes on, answer itself, or try again.
 *
 * The first of a bus's middlewares is the outermost: it sees the message first and the answer last. Calling `next` runs
 * everything further in; calling it again runs it again.
 */
export type Middleware = (
  message: Message,
  next: (message: Message) => Promise<unknown>,
) => Promise<unknown>;

/** Logs each message once it is answered: done at `debug`, refused at `info`, failed at `error`. Never its data. */
export function logMessages(logger: Logger): Middleware {
  return async (message, next) => {
    const { kind, type, id, metadata } = message;
    const startedAt = performance.now();
    const fields = (): Record<string, unknown> => ({
      kind,
      type,
      messageId: id,
      correlationId: metadata.correlationId,
      durationMs: Math.round(performance.now() - startedAt),
    });
    try {
      const result = await next(message);
      logger.debug(`${type} done`, fields());
      return result;
    } catch (error) {
      const { code } = describeError(error);
      if (isRejection(error)) logger.info(`${type} refused`, { ...fields(), code });
      else logger.error(`${type} failed`, { ...fields(), code, error });
      throw error;
    }
  };
}

/** Measures each message: `potter_message_duration_seconds` by kind, type and outcome. */
export function measureMessages(meter: Meter): Middleware {
  const duration = meter.histogram('potter_message_duration_seconds', {
    help: 'Time from sending a command or query to its answer.',
    labels: ['kind', 'type', 'outcome'],
  });
  return async (message, next) => {
    const startedAt = performance.now();
    let outcome = 'done';
    try {
      return await next(message);
    } catch (error) {
      outcome = isRejection(error) ? 'refused' : 'failed';
      throw error;
    } finally {
      const { kind, type } = message;
      duration.record((performance.now() - startedAt) / 1_000, { kind, type, outcome });
    }
  };
}

/**
 * Stops waiting for a handler after `limit`, with `TIMEOUT`, and fires its signal. A handler that does not listen to its
 * signal goes on unheard: its effects may still happen.
 */
export function limitTime(limit: Duration, options: { readonly clock?: Clock } = {}): Middleware {
  const limitMs = durationMs(limit);
  const { clock = systemClock } = options;
  return (message, next) =>
    new Promise((resolve, reject) => {
      const tooLate = new AbortController();
      const signals = message.signal === undefined ? [] : [message.signal];
      const timer = clock.schedule(limitMs, () => {
        const error = timedOut(message, limitMs);
        tooLate.abort(error);
        reject(error);
      });
      next({ ...message, signal: AbortSignal.any([tooLate.signal, ...signals]) })
        .finally(() => timer.cancel())
        .then(resolve, reject);
    });
}

function timedOut({ kind, type, id }: Message, limitMs: number): PotterError {
  return new PotterError('TIMEOUT', {
    message: `The ${kind} '${type}' was not answered within ${limitMs} ms.`,
    remedy: 'Look at what its handler waits for; whether it took effect is not known.',
    details: { kind, type, messageId: id, limitMs },
  });
}
