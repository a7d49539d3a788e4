import { startEmbeddedPostgres } from 'potter-runtime/embedded';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** A database on the server of this run, from which others can be made. */
    readonly serverUrl: string;
  }
}

/** One server for the whole run: that of compose.yaml when its URL is given, else an embedded one that leaves nothing. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | void> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined) {
    project.provide('serverUrl', given);
    return;
  }
  const server = await startEmbeddedPostgres({ persistent: false, durability: 'none' });
  project.provide('serverUrl', server.urlOf('postgres'));
  return () => server.stop();
}
