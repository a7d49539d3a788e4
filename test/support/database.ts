import { createHash, randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Pool } from 'pg';
import { inject } from 'vitest';
import { createMigrator } from '../../runtime/src/migrations/migrator.ts';
import {
  componentDirectory,
  RUNTIME_COMPONENTS,
  type RuntimeComponent,
} from '../../runtime/src/migrations/runtime-components.ts';

/** A database of its own. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly pool: Pool;
  /** Kills every connection there is, by one of its own that no pool hands out: one of `pool` could be dead already. */
  killConnections(): Promise<void>;
  /** Drops the database. Fails when somebody other than `pool` still has a connection: that is a leak. */
  close(): Promise<void>;
}

/**
 * A fresh database, migrated with the given parts of the runtime (default: none).
 * It is a copy of a template that is migrated once a run for each set of parts.
 */
export async function createTestDatabase(
  options: { readonly components?: readonly RuntimeComponent[] } = {},
): Promise<TestDatabase> {
  const serverUrl = inject('postgresUrl');
  const asked = new Set(options.components);
  const components = RUNTIME_COMPONENTS.filter((component) => asked.has(component));
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await withClient(serverUrl, async (client) => {
    const template =
      components.length === 0 ? 'template0' : await templateOf(client, serverUrl, components);
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  });
  const url = urlOf(serverUrl, name);
  const pool = new Pool({ connectionString: url, max: 20 });
  // Tests that kill connections do so on purpose.
  pool.on('error', () => {});
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= drop(serverUrl, name, pool));
  const killConnections = () => withClient(url, killOthers);
  return { url, pool, killConnections, close, [Symbol.asyncDispose]: close };
}

async function killOthers(client: Client): Promise<void> {
  await client.query(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
}

async function drop(serverUrl: string, name: string, pool: Pool): Promise<void> {
  await pool.end();
  await withClient(serverUrl, async (client) => {
    const leaked = await leakedStatements(client, name);
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    if (leaked.length > 0) {
      throw new Error(`${leaked.length} connection(s) leaked; they last ran: ${leaked.join('; ')}`);
    }
  });
}

/** The last statements of connections that stay. One whose client has just gone needs a moment to go too. */
async function leakedStatements(client: Client, database: string): Promise<readonly string[]> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const { rows } = await client.query<{ query: string }>(
      'SELECT query FROM pg_stat_activity WHERE datname = $1',
      [database],
    );
    if (rows.length === 0 || Date.now() > deadline) return rows.map((row) => row.query);
    await client.query('SELECT pg_sleep(0.02)');
  }
}

/** Makes the template on first use; test files that ask at the same time wait for the first. */
async function templateOf(
  client: Client,
  serverUrl: string,
  components: readonly RuntimeComponent[],
): Promise<string> {
  const sql = (await Promise.all(components.map(textsOf))).join('\n');
  const name = `template_${createHash('sha256').update(sql).digest('hex').slice(0, 16)}`;
  await client.query('SELECT pg_advisory_lock(hashtext($1))', [name]);
  const known = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
  if (known.rowCount === 0) {
    const draft = `${name}_draft`;
    await client.query(`DROP DATABASE IF EXISTS ${draft}`);
    await client.query(`CREATE DATABASE ${draft} TEMPLATE template0`);
    await createMigrator({
      databaseUrl: urlOf(serverUrl, draft),
      components,
      // There is no project around a test.
      directory: 'no-project',
    }).up();
    await client.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
  }
  await client.query('SELECT pg_advisory_unlock(hashtext($1))', [name]);
  return name;
}

async function textsOf(component: RuntimeComponent): Promise<string> {
  const directory = componentDirectory(component);
  const files = (await readdir(directory)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));
  return texts.join('\n');
}

function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
