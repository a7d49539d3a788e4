import { readdir, realpath, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { cachePath } from './cache-directory.ts';
import { pointsTo, readRecord, recordedData, removeOutsideData } from './outside-data.ts';
import { isServerOf, readPostmaster } from './postmaster-file.ts';
import { readSettings } from './settings-file.ts';

/**
 * A project that is gone from where it was may have been moved to another file system, of which nothing tells here.
 * After this long without a start, its data is taken for abandoned. Projects in temporary folders are not waited for.
 */
const MOVED_MS = 30 * 24 * 60 * 60_000;

/** Removes data folders of projects that were deleted; see `OutsideRecord`. One without a record is never touched. */
export async function sweepOutside(chosenCache: string | undefined): Promise<void> {
  const cache = chosenCache ?? (await cachePath());
  for (const name of await readdir(cache)) {
    const file = join(cache, name);
    const dataDirectory = recordedData(file);
    if (dataDirectory === undefined) continue;
    // What cannot be looked into is in doubt.
    if (!(await isAbandoned(file, dataDirectory).catch(() => false))) continue;
    await removeOutsideData(dataDirectory).catch(() => {
      // The record is still there; the next sweep goes on.
    });
  }
}

/** Whether nobody can want this data any more. Whatever is in doubt is kept. */
async function isAbandoned(file: string, dataDirectory: string): Promise<boolean> {
  const record = await readRecord(file);
  const { uid, nlink, mtimeMs } = await stat(file);
  if (record === undefined || uid !== process.getuid?.()) return false;
  // The record's second name: the project is somewhere.
  if (nlink > 1) return false;
  const { directory, device } = record;
  if (await pointsTo(directory, dataDirectory)) return false;
  const server = await readPostmaster(dataDirectory);
  if (server !== undefined && (await isServerOf(dataDirectory, server.pid))) return false;
  // Started anew in its old place: that one has data of its own.
  if ((await readSettings(directory)) !== undefined) return true;
  const remains = await nearestFolder(directory);
  // Its disk is not there.
  if ((await stat(remains)).dev !== device) return false;
  return (await isTemporary(directory)) || Date.now() - mtimeMs > MOVED_MS;
}

/** The folder itself or, when it is gone, the next one up that exists. */
async function nearestFolder(directory: string): Promise<string> {
  for (let path = directory; ; path = dirname(path)) {
    try {
      await stat(path);
      return path;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    }
  }
}

async function isTemporary(directory: string): Promise<boolean> {
  const folders = await Promise.all(
    [tmpdir(), '/tmp', '/var/tmp'].map((folder) => realpath(folder).catch(() => folder)),
  );
  return folders.some((folder) => directory.startsWith(folder + sep));
}
