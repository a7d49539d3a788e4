import { chown, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { belongsToAnother, newOutsideData, recordOwner } from './outside-data.ts';
import { canReach, serverUser, type ServerUser } from './server-user.ts';
import { readSettings, writeSettings, type Settings } from './settings-file.ts';

/**
 * The files of one embedded server, all in one folder (`.potter/` of a project):
 * `postgres/` the data · `postgres.json` what outlives the server · `postgres-keeper.json` who keeps it now ·
 * `postgres.log` what it said since it started. See `OutsideRecord` for data that cannot be there.
 */
export interface Layout {
  readonly directory: string;
  readonly dataDirectory: string;
  readonly logFile: string;
  /** Runs the server; undefined: the user of this process. */
  readonly user: ServerUser | undefined;
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
  const { dataDirectory: known, ...rest } = (await readSettings(directory)) ?? {};
  const pointer =
    known !== undefined && (await belongsToAnother(known, directory)) ? undefined : known;
  const beside = join(directory, 'postgres');
  const user = await serverUser(pointer ?? beside);
  const isOutside = pointer !== undefined || !(await canReach(user, directory));
  const dataDirectory = isOutside ? (pointer ?? (await newOutsideData(chosenCache))) : beside;
  const settings: Settings = isOutside ? { ...rest, dataDirectory } : rest;
  await writeSettings(directory, settings);
  if (isOutside) await recordOwner(dataDirectory, directory);
  return { directory, dataDirectory, logFile: join(directory, 'postgres.log'), user, settings };
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
