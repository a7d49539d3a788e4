import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { keeperAnswers } from './keeper-claim.ts';
import { readKeeperAddress } from './keeper-protocol.ts';
import { keeperFile } from './layout.ts';
import { isServerOf, readPostmaster } from './postmaster-file.ts';

/** What the names of temporary servers' folders begin with. */
export const TEMPORARY_PREFIX = 'potter-postgres-';
/** A folder without a keeper's file may be one that is just being set up; after this long it is not. */
const SETUP_MS = 10 * 60_000;

/**
 * Clears away temporary servers that nobody keeps any more, beside the folder of a new one. Users that are killed are
 * seen by their keeper; this is for when the keeper was killed as well (`killall -9 node`).
 */
export async function sweepTemporary(newest: string): Promise<void> {
  const parent = dirname(newest);
  for (const name of await readdir(parent)) {
    const directory = join(parent, name);
    if (!name.startsWith(TEMPORARY_PREFIX) || directory === newest) continue;
    // Others' folders, and those that go away while one looks, are none of our business.
    if (await isAbandoned(directory).catch(() => false)) await clear(directory);
  }
}

async function isAbandoned(directory: string): Promise<boolean> {
  const { uid, ctimeMs } = await stat(directory);
  if (uid !== process.getuid?.()) return false;
  const keeper = await readKeeperAddress(keeperFile(directory));
  if (keeper === undefined) return Date.now() - ctimeMs > SETUP_MS;
  return !(await keeperAnswers(keeper.port));
}

async function clear(directory: string): Promise<void> {
  const dataDirectory = join(directory, 'postgres');
  const server = await readPostmaster(dataDirectory);
  if (server !== undefined && (await isServerOf(dataDirectory, server.pid))) {
    // Immediately: nobody is interested in this data any more.
    process.kill(server.pid, 'SIGQUIT');
  }
  await rm(directory, { recursive: true, force: true, maxRetries: 5 }).catch(() => {
    // Still in use for a moment; the next one gets it.
  });
}
