import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from './cache-directory.ts';
import { canReach, serverUser, type ServerUser } from './server-user.ts';

/**
 * The files of one embedded server, all in one folder (`.potter/` of a project):
 * `postgres/` the data · `postgres.json` what outlives the server · `postgres-keeper.json` who keeps it now ·
 * `postgres.log` what it said since it started.
 */
export interface Layout {
  readonly directory: string;
  readonly dataDirectory: string;
  readonly settingsFile: string;
  readonly logFile: string;
  /** Runs the server; undefined: the user of this process. */
  readonly user: ServerUser | undefined;
}

/** What is remembered from one start to the next. */
export interface Settings {
  /** The port of the last start. It is asked for first, so that an open `psql` or a copied URL goes on working. */
  readonly port?: number;
  /** Where the data is when it is not in `postgres/` beside this file. */
  readonly dataDirectory?: string;
}

/** The keeper's address, in `<directory>/postgres-keeper.json`. */
export function keeperFile(directory: string): string {
  return join(directory, 'postgres-keeper.json');
}

/** Decides where the data is and who owns it; makes the folders that are missing. */
export async function prepareLayout(
  directory: string,
  chosenCache: string | undefined,
): Promise<Layout & { readonly settings: Settings }> {
  await mkdir(directory, { recursive: true });
  const settingsFile = join(directory, 'postgres.json');
  const known = await readSettings(settingsFile);
  const settings = known ?? {};
  const beside = join(directory, 'postgres');
  let dataDirectory = settings.dataDirectory ?? beside;
  const user = await serverUser(dataDirectory);
  if (settings.dataDirectory === undefined && !(await canReach(user, directory))) {
    dataDirectory = await outside(directory, chosenCache);
  }
  const all = dataDirectory === beside ? settings : { ...settings, dataDirectory };
  await writeSettings(settingsFile, all);
  return {
    directory,
    dataDirectory,
    settingsFile,
    logFile: join(directory, 'postgres.log'),
    user,
    settings: all,
  };
}

/** A data folder for a project whose own folder the server's user cannot enter. */
async function outside(directory: string, chosenCache: string | undefined): Promise<string> {
  const cache = await cacheDirectory(chosenCache);
  const id = createHash('sha256')
    .update(await realpath(directory))
    .digest('hex')
    .slice(0, 16);
  const parent = join(cache, `data-${id}`);
  await mkdir(parent, { recursive: true });
  await chmod(parent, 0o755);
  return join(parent, 'postgres');
}

async function readSettings(file: string): Promise<Settings | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) return undefined;
  return {
    ...('port' in value && typeof value.port === 'number' ? { port: value.port } : {}),
    ...('dataDirectory' in value && typeof value.dataDirectory === 'string'
      ? { dataDirectory: value.dataDirectory }
      : {}),
  };
}

/** Replaces the file in one step: a reader sees the old or the new one, never half of it. */
export async function writeSettings(file: string, settings: object): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(settings, undefined, 2)}\n`, { mode: 0o600 });
  await rename(draft, file);
}

/** Makes a folder that belongs to the server's user. */
export async function makeOwned(directory: string, user: ServerUser | undefined): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (user !== undefined) await chown(directory, user.uid, user.gid);
}

/** Whether initdb has finished in this folder. */
export function hasCluster(dataDirectory: string): Promise<boolean> {
  return stat(join(dataDirectory, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
}
