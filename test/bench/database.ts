import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Pool } from 'pg';
import { startEmbeddedPostgres } from '../../runtime/src/embedded/embedded-postgres.ts';
import {
  componentDirectory,
  type RuntimeComponent,
} from '../../runtime/src/migrations/runtime-components.ts';

/** A durable server for one bench: every commit waits for the disk, as in production. */
export interface BenchDatabase extends AsyncDisposable {
  readonly url: string;
  readonly pool: Pool;
}

/** Starts a server that leaves nothing, even when the bench is killed, and makes the tables of the given components. */
export async function startBenchDatabase(
  components: readonly RuntimeComponent[],
): Promise<BenchDatabase> {
  const server = await startEmbeddedPostgres({ persistent: false, durability: 'full' });
  const pool = new Pool({ connectionString: server.url, max: 64 });
  // Stopping the server can overtake the farewell of a connection.
  pool.on('error', () => {});
  await pool.query('CREATE SCHEMA potter');
  for (const component of components) {
    const folder = componentDirectory(component);
    for (const file of (await readdir(folder)).toSorted()) {
      const sql = await readFile(join(folder, file), 'utf8');
      await pool.query(sql.split(/^\s*--[\s-]*Down Migration/im)[0] ?? '');
    }
  }
  return {
    url: server.url,
    pool,
    async [Symbol.asyncDispose]() {
      await pool.end();
      await server.stop();
    },
  };
}
