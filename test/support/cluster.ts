import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll } from 'vitest';
import { startEmbeddedPostgres } from './embedded.ts';
import { temporaryFolder, type TemporaryFolder } from './temporary-folder.ts';

let first: Promise<TemporaryFolder> | undefined;

afterAll(async () => {
  await (await first)?.[Symbol.asyncDispose]();
});

/**
 * Puts the data of a server that was started and stopped before into `directory`, for tests that are not about the
 * very first start: that one is made once a file, and copying it takes a tenth of the time.
 */
export async function putCluster(directory: string): Promise<void> {
  const { path } = await (first ??= makeCluster());
  await mkdir(directory, { recursive: true });
  // Node's own copying does not keep owners.
  await promisify(execFile)('cp', ['-a', join(path, 'postgres'), join(directory, 'postgres')]);
}

/** A folder with such data. */
export async function clusterFolder(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  await putCluster(folder.path);
  return folder;
}

async function makeCluster(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  const server = await startEmbeddedPostgres({ directory: folder.path, durability: 'none' });
  await server.stop();
  return folder;
}
