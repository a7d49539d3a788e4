import type * as Driver from 'pg';
import { setTimeout as wait } from 'node:timers/promises';
import { PotterError } from '../errors/potter-error.ts';
import type { Logger } from '../foundation/logger.ts';
import { assertDatabaseUrl, databaseTarget } from '../foundation/database-url.ts';
import { translatePostgresError } from '../foundation/postgres-errors.ts';

/** The number under which node-pg-migrate locks too, so that its own command and this one exclude each other. */
const LOCK = '7241865325823964';
/** How often a taken lock is tried again, in milliseconds. */
const LOCK_RETRY_MS = 100;

/** Runs work on a connection of its own. */
export async function withSession<T>(
  databaseUrl: string,
  work: (client: Driver.Client) => Promise<T>,
): Promise<T> {
  assertDatabaseUrl(databaseUrl);
  const { Client } = await importDriver();
  const client = new Client({
    connectionString: databaseUrl,
    application_name: 'potter-migrate',
    connectionTimeoutMillis: 10_000,
  });
  // Statements fail by themselves when the connection breaks; unheard, the event would end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query("SET TIME ZONE 'UTC'");
    return await work(client);
  } catch (error) {
    throw translatePostgresError(error, databaseTarget(databaseUrl));
  } finally {
    await client.end().catch(() => {
      // It was never connected, or is broken.
    });
  }
}

/**
 * Runs work while no other process migrates this database. The lock belongs to the connection: a killed process frees it.
 * It is tried again and again rather than waited for, because a statement that waits holds a snapshot, and
 * CREATE INDEX CONCURRENTLY in the other process waits for all snapshots: the two would never end.
 */
export async function withMigrationLock<T>(
  client: Driver.Client,
  logger: Logger,
  work: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; !(await tryLock(client)); attempt += 1) {
    if (attempt === 1) logger.info('waiting for another process that migrates this database');
    await wait(LOCK_RETRY_MS);
  }
  try {
    return await work();
  } finally {
    await client.query(`SELECT pg_advisory_unlock(${LOCK})`).catch(() => {
      // The connection broke, and the lock went with it.
    });
  }
}

async function tryLock(client: Driver.Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    `SELECT pg_try_advisory_lock(${LOCK}) AS locked`,
  );
  return rows[0]?.locked === true;
}

async function importDriver(): Promise<typeof Driver> {
  try {
    return await import('pg');
  } catch (error) {
    throw new PotterError('INVALID_CONFIGURATION', {
      message: "The npm package 'pg' is not installed.",
      remedy: "Run 'npm install pg'.",
      cause: error,
    });
  }
}
