import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../runtime/src/embedded/embedded-postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the database `postgres` of the run's server. */
    postgresUrl: string;
  }
}

/**
 * One server for the whole run; its keeper ends it even when the run is killed.
 * Nothing of it outlives the run, so nothing has to reach the disk.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startEmbeddedPostgres({ persistent: false, durability: 'none' });
  project.provide('postgresUrl', server.urlOf('postgres'));
  return () => server.stop();
}
