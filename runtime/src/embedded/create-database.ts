import type * as Driver from 'pg';
import { embeddedError } from './embedded-error.ts';

/** Already there, also when another process is making it at this moment. */
const EXISTS = new Set(['42P04', '23505']);

/** Makes a database when it is missing. */
export async function createDatabase(serverUrl: string, name: string): Promise<void> {
  const { Client, escapeIdentifier } = await importPg();
  const client = new Client({ connectionString: serverUrl });
  try {
    await client.connect();
    const known = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (known.rowCount === 0) await client.query(`CREATE DATABASE ${escapeIdentifier(name)}`);
  } catch (error) {
    if (error instanceof Error && 'code' in error && EXISTS.has(String(error.code))) return;
    throw embeddedError(`The database '${name}' could not be made: ${String(error)}.`, {
      details: { database: name },
      cause: error,
    });
  } finally {
    await client.end().catch(() => {
      // It was never connected.
    });
  }
}

async function importPg(): Promise<typeof Driver> {
  try {
    return await import('pg');
  } catch (error) {
    throw embeddedError("The npm package 'pg' is not installed.", {
      remedy: "Run 'npm install pg'.",
      cause: error,
    });
  }
}
