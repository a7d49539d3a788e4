import { PotterError } from '../../errors/potter-error.ts';

/** The same key came with a different request. */
export function keyReused(key: string): PotterError {
  return new PotterError('IDEMPOTENCY_KEY_REUSED', {
    message: `The Idempotency-Key '${key}' came with another request before.`,
    remedy: 'Use a new key for a new request.',
    details: { key },
  });
}

/** The first request with a key does not come to an end. */
export function keyInUse(cause?: unknown): PotterError {
  return new PotterError('IDEMPOTENCY_KEY_IN_USE', {
    message: 'The first request with this Idempotency-Key is still at work.',
    remedy: 'Send the same request again later: it will get the answer of the first.',
    cause,
  });
}
