import { Pool } from 'pg';
import { assertDatabaseUrl, databaseTarget } from '../../foundation/database-url.ts';
import { durationMs, type Duration } from '../../foundation/duration.ts';
import { silentLogger, type Logger } from '../../foundation/logger.ts';
import type { PostgresPool } from './client.ts';
import { endWhenSilent } from './end-when-silent.ts';
import { rememberTarget } from './pool-target.ts';

/** Options of {@link createPool}. */
export interface PoolOptions {
  /** Connections at most. Default 10; all processes together must stay below the server's `max_connections`. */
  readonly maxConnections?: number;
  /** How long getting a connection may take, waiting for a free one included. Default 5 s. */
  readonly connectTimeout?: Duration;
  /**
   * The server ends a statement after this long. 0: never. Default 30 s. A server that says nothing for 5 s longer (or twice
   * as long) is taken for gone, and its connection is broken: a statement that is to take longer needs a pool that lets it.
   */
  readonly statementTimeout?: Duration;
  /**
   * The server ends a session that has a transaction open and says nothing for this long, and with it the locks that others
   * wait for: those of a process that is frozen, or cut off without a word. 0: never. Default 1 min; longer than a step in a
   * transaction of its own may wait for something else.
   */
  readonly idleInTransactionTimeout?: Duration;
  /** An unused connection is closed after this long. Default 30 s. */
  readonly idleTimeout?: Duration;
  /** What the server shows in `pg_stat_activity`. Default `potter`. */
  readonly applicationName?: string;
  /** Told when an idle connection breaks. Default: nobody. */
  readonly logger?: Logger;
}

/** A pool with an owner. */
export interface ManagedPostgresPool extends PostgresPool, AsyncDisposable {
  /** Waits for connections that are in use, closes all. Calling it again does nothing. */
  close(): Promise<void>;
}

/**
 * A pool of connections with timeouts that suit a service. It connects on first use.
 * @throws PotterError `INVALID_CONFIGURATION` when the URL is not a PostgreSQL URL. The password is never shown.
 */
export function createPool(url: string, options: PoolOptions = {}): ManagedPostgresPool {
  const { applicationName = 'potter', maxConnections = 10, logger = silentLogger } = options;
  assertDatabaseUrl(url);
  const target = databaseTarget(url);
  const statementMs = durationMs(options.statementTimeout ?? '30s');
  const pool = new Pool({
    connectionString: url,
    max: maxConnections,
    application_name: applicationName,
    connectionTimeoutMillis: durationMs(options.connectTimeout ?? '5s'),
    statement_timeout: statementMs,
    idle_in_transaction_session_timeout: durationMs(options.idleInTransactionTimeout ?? '1m'),
    idleTimeoutMillis: durationMs(options.idleTimeout ?? '30s'),
    // Finds out about a server that vanished without a word, behind a firewall for instance.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  // Without a listener the death of an idle connection would end the process. The pool replaces it by itself.
  pool.on('error', (error) => {
    // The pool hangs its whole client onto the error, every statement of it included: nothing for a log.
    Reflect.deleteProperty(error, 'client');
    logger.warn('an idle database connection broke', { target, error });
  });
  // The server's last word can arrive in the same packet as its greeting, before whoever waited for the connection
  // could listen. The statement that is sent on it fails by itself; unheard, the word would end the process.
  pool.on('connect', (client) => {
    client.on('error', () => {});
    endWhenSilent(client, statementMs);
  });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= pool.end());
  const managed = Object.assign(pool, { close, [Symbol.asyncDispose]: close });
  rememberTarget(managed, target);
  return managed;
}
