import { Pool } from 'pg';
import { PotterError } from '../errors/potter-error.ts';
import { durationMs, type Duration } from '../foundation/duration.ts';
import { silentLogger, type Logger } from '../foundation/logger.ts';
import type { PostgresPool } from './client.ts';
import { databaseTarget } from './errors.ts';
import { rememberTarget } from './pool-target.ts';

/** Options of {@link createPool}. */
export interface PoolOptions {
  /** Connections at most. Default 10; all processes together must stay below the server's `max_connections`. */
  readonly maxConnections?: number;
  /** How long getting a connection may take, waiting for a free one included. Default 5 s. */
  readonly connectTimeout?: Duration;
  /** The server ends a statement after this long. 0: never. Default 30 s. */
  readonly statementTimeout?: Duration;
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
  const pool = new Pool({
    connectionString: url,
    max: maxConnections,
    application_name: applicationName,
    connectionTimeoutMillis: durationMs(options.connectTimeout ?? '5s'),
    statement_timeout: durationMs(options.statementTimeout ?? '30s'),
    idleTimeoutMillis: durationMs(options.idleTimeout ?? '30s'),
    // Finds out about a server that vanished without a word, behind a firewall for instance.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  // Without a listener the death of an idle connection would end the process. The pool replaces it by itself.
  pool.on('error', (error) => {
    logger.warn('an idle database connection broke', { target, error });
  });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= pool.end());
  const managed = Object.assign(pool, { close, [Symbol.asyncDispose]: close });
  rememberTarget(managed, target);
  return managed;
}

/**
 * Checks the form of a database URL.
 * @throws PotterError `INVALID_CONFIGURATION`
 */
export function assertDatabaseUrl(url: string, variable = 'DATABASE_URL'): void {
  const problem = problemOf(url);
  if (problem === undefined) return;
  throw new PotterError('INVALID_CONFIGURATION', {
    message: `${variable} ${problem}.`,
    remedy: 'Its form is postgres://user:password@host:5432/database.',
    details: { variable },
  });
}

function problemOf(url: string): string | undefined {
  if (url.trim() === '') return 'is empty';
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return 'is not a URL (a password with special characters must be percent-encoded)';
  }
  if (!['postgres:', 'postgresql:'].includes(parsed.protocol)) {
    return `starts with '${parsed.protocol}//' where 'postgres://' is expected`;
  }
  if (parsed.hostname === '' && !parsed.searchParams.has('host')) return 'names no host';
  if (parsed.port === '0') return 'has port 0';
  if (parsed.pathname.length < 2) return 'names no database';
  try {
    decodeURIComponent(parsed.username + parsed.password + parsed.pathname);
  } catch {
    return "has a '%' that is not part of a percent-encoded character";
  }
  return undefined;
}
