import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cacheDirectory } from './cache-directory.ts';
import { readSettings, writeJson } from './settings-file.ts';

/**
 * Data that is kept outside its project, because the server's user cannot enter the project's folder. A pointer in the
 * project's settings names it; beside it lies a record of the project that it belongs to, by which a later start sees
 * that the project is gone.
 *
 * The record has a second name inside the project, when both are on one file system: as long as that exists, wherever
 * the project has been moved to, the kernel counts two links.
 */
export interface OutsideRecord {
  /** The folder of the server inside the project: `<project>/.potter`. */
  readonly directory: string;
  /** The file system it was on. When that is not mounted, the project is not gone. */
  readonly device: number;
}

/** The record's second name, inside the project. */
const LINK = 'postgres-data.json';
/** Of a data folder's name, and its record's. */
const NAME = /^data-[\w-]+$/;

/** Names a new data folder. Random, so that a project made anew in an old place never finds the old one's data. */
export async function newOutsideData(chosenCache: string | undefined): Promise<string> {
  const cache = await cacheDirectory(chosenCache);
  return join(cache, `data-${randomBytes(8).toString('hex')}`, 'postgres');
}

/** The record of a data folder. */
export function recordFile(dataDirectory: string): string {
  return `${dirname(dataDirectory)}.json`;
}

/** The data folder that a file of the cache is the record of; undefined when it is none. */
export function recordedData(file: string): string | undefined {
  const name = basename(file, '.json');
  return file.endsWith('.json') && NAME.test(name)
    ? join(dirname(file), name, 'postgres')
    : undefined;
}

/** Reads a record; undefined when there is none that can be understood. */
export async function readRecord(file: string): Promise<OutsideRecord | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    if (!('directory' in value && 'device' in value)) return undefined;
    const { directory, device } = value;
    return typeof directory === 'string' && typeof device === 'number'
      ? { directory, device }
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Records that the data belongs to the project in `directory`, at every start: it may have been moved since the last.
 * Comes after the project's pointer, without which a sweep could take the new data for abandoned.
 */
export async function recordOwner(dataDirectory: string, directory: string): Promise<void> {
  const file = recordFile(dataDirectory);
  const { dev } = await stat(directory);
  const record: OutsideRecord = { directory: await realpath(directory), device: dev };
  await writeJson(file, record);
  await rm(join(directory, LINK), { force: true });
  await link(file, join(directory, LINK)).catch(() => {
    // Another file system, or one without links: then only the path tells.
  });
  const parent = dirname(dataDirectory);
  await mkdir(parent, { recursive: true });
  await chmod(parent, 0o755);
}

/** Whether the data belongs to another project that is still there: then this one is a copy, and gets data of its own. */
export async function belongsToAnother(dataDirectory: string, directory: string): Promise<boolean> {
  const record = await readRecord(recordFile(dataDirectory));
  if (record === undefined || !(await pointsTo(record.directory, dataDirectory))) return false;
  const [here, there] = await Promise.all([stat(directory), stat(record.directory)]);
  return here.dev !== there.dev || here.ino !== there.ino;
}

/** Whether the settings in a project's folder name this data. */
export async function pointsTo(directory: string, dataDirectory: string): Promise<boolean> {
  return (await readSettings(directory))?.dataDirectory === dataDirectory;
}

/** Removes the data first and its record last: cut off in the middle, the next sweep goes on. */
export async function removeOutsideData(dataDirectory: string): Promise<void> {
  await rm(dirname(dataDirectory), { recursive: true, force: true, maxRetries: 5 });
  await rm(recordFile(dataDirectory), { force: true });
}
