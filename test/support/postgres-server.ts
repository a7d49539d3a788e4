import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../runtime/src/embedded/embedded-postgres.ts';
import { compilePrograms } from './compiled-programs.ts';

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
  const [server, programs] = await Promise.all([
    startEmbeddedPostgres({ persistent: false, durability: 'none' }),
    compilePrograms(),
  ]);
  project.provide('postgresUrl', server.urlOf('postgres'));
  project.provide('compiledRoot', programs.directory);
  return async () => {
    await server.stop();
    await programs.remove();
  };
}
