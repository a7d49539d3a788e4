import { PotterError } from '../errors/potter-error.ts';
import type { StreamId } from '../events/stream-id.ts';
import type { ExpectedVersion } from './expected-version.ts';

/** A stream is not at the version the writer expected. Every store throws this class. Code `CONCURRENCY_CONFLICT`. */
export class ConcurrencyConflictError extends PotterError {
  override readonly name = 'ConcurrencyConflictError';
  readonly stream: StreamId;
  readonly expected: ExpectedVersion;
  /** The version the stream has; 0n when it has no events. */
  readonly actual: bigint;

  /** @param remedy what to do next, where the thrower knows better than a store does. */
  constructor(
    stream: StreamId,
    expected: ExpectedVersion,
    actual: bigint,
    remedy = 'Load the stream again, decide again and append again; a repository does so by itself.',
  ) {
    super('CONCURRENCY_CONFLICT', {
      message: `Stream '${stream}' was expected at version '${expected}' but is at ${actual}.`,
      remedy,
      details: { stream, expected, actual },
    });
    this.stream = stream;
    this.expected = expected;
    this.actual = actual;
  }
}
