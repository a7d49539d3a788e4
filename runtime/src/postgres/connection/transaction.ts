import { PotterError } from '../../errors/potter-error.ts';
import { nextDelayMs, noRetry, type RetryPolicy } from '../../foundation/backoff.ts';
import { sleep, throwIfAborted } from '../../foundation/sleep.ts';
import type { PostgresConnection, PostgresPool, PostgresTransaction } from './client.ts';
import { sqlStateOf, translatePostgresError } from './errors.ts';
import { targetOfPool } from './pool-target.ts';
import { withConnection } from './with-connection.ts';

/** What a transaction sees of others; see PostgreSQL's chapter on transaction isolation. */
export type IsolationLevel = 'read committed' | 'repeatable read' | 'serializable';

/** Options of {@link inTransaction}. */
export interface TransactionOptions {
  /** Default `read committed`, the server's own default. */
  readonly isolation?: IsolationLevel;
  /** Refuses every write. Default false. */
  readonly readOnly?: boolean;
  /**
   * Runs the whole work again after a serialization failure or a deadlock (SQLSTATE 40001, 40P01). Default: once only,
   * because the work may have done things outside of the database.
   */
  readonly retry?: RetryPolicy;
  /**
   * A transaction the caller may be in already: then the work joins it, and whoever began it ends it; the other options
   * are whoever began it's to choose. Lets one function be part of a larger unit or a unit of its own.
   */
  readonly within?: PostgresTransaction | undefined;
  /** Looked at before each attempt and before the commit. A statement on its way is not interrupted. */
  readonly signal?: AbortSignal;
}

/** The server asks for these transactions to be tried again. */
const RETRYABLE = new Set(['40001', '40P01']);

/**
 * Runs work in one transaction: committed when it returns, rolled back when it throws.
 * @throws what the work threw; the driver's errors as PotterError (`DATABASE_UNAVAILABLE`, `DATABASE_ERROR`).
 * When the connection breaks during the commit nobody knows whether it happened: `details.outcome` is `unknown`.
 */
export async function inTransaction<T>(
  pool: PostgresPool,
  work: (transaction: PostgresTransaction) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  if (options.within !== undefined) return work(options.within);
  const policy = options.retry ?? noRetry;
  const startedAt = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    throwIfAborted(options.signal);
    try {
      return await attemptTransaction(pool, work, options);
    } catch (error) {
      const elapsedMs = performance.now() - startedAt;
      const delayMs = RETRYABLE.has(sqlStateOf(error) ?? '')
        ? nextDelayMs(policy, { attempt, elapsedMs })
        : undefined;
      if (delayMs === undefined) throw translatePostgresError(error, targetOfPool(pool));
      await sleep(delayMs, { signal: options.signal });
    }
  }
}

function attemptTransaction<T>(
  pool: PostgresPool,
  work: (transaction: PostgresTransaction) => Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  return withConnection(pool, 'ROLLBACK', async (connection) => {
    await connection.query({ text: beginStatement(options) });
    const result = await work(connection);
    throwIfAborted(options.signal);
    await commit(connection, pool);
    return result;
  });
}

function beginStatement(options: TransactionOptions): string {
  const { isolation, readOnly = false } = options;
  const level = isolation === undefined ? '' : ` ISOLATION LEVEL ${isolation.toUpperCase()}`;
  return `BEGIN${level}${readOnly ? ' READ ONLY' : ''}`;
}

async function commit(connection: PostgresConnection, pool: PostgresPool): Promise<void> {
  let result: object;
  try {
    result = await connection.query({ text: 'COMMIT' });
  } catch (error) {
    const translated = translatePostgresError(error, targetOfPool(pool));
    if (!(translated instanceof PotterError) || translated.code !== 'DATABASE_UNAVAILABLE')
      throw error;
    throw new PotterError('DATABASE_UNAVAILABLE', {
      message: 'The connection broke during a commit: it may have happened or not.',
      remedy: 'Read back what the transaction wrote before trying it again.',
      details: { ...translated.details, outcome: 'unknown' },
      cause: error,
    });
  }
  // Committing a transaction in which a statement failed is answered with success and a rollback.
  if ('command' in result && result.command === 'ROLLBACK') {
    throw new PotterError('DATABASE_ERROR', {
      message:
        'The transaction was rolled back: a statement in it had failed and its error was dropped.',
      remedy: 'Let errors of statements reach inTransaction.',
    });
  }
}
