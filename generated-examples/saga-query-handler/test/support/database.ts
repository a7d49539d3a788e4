import { randomUUID } from 'node:crypto';
import { projectMigrator } from 'potter-runtime/migrations';
import { createPool, type ManagedPostgresPool } from 'potter-runtime/postgres';
import { inject } from 'vitest';

/** A database of one test file's own. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly pool: ManagedPostgresPool;
}

/** Makes a database on the server of this run and migrates it. Whoever asked for it disposes of it. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = inject('serverUrl');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await using server = createPool(serverUrl, { maxConnections: 1 });
  await server.query({ text: `CREATE DATABASE ${name}` });
  const address = new URL(serverUrl);
  address.pathname = `/${name}`;
  const url = address.href;
  await (await projectMigrator({ databaseUrl: url })).up();
  const pool = createPool(url);
  return {
    url,
    pool,
    async [Symbol.asyncDispose]() {
      await pool.close();
      await using again = createPool(serverUrl, { maxConnections: 1 });
      await again.query({ text: `DROP DATABASE ${name} WITH (FORCE)` });
    },
  };
}
