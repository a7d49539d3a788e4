import { access, chmod, constants, lstat, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embeddedError } from './embedded-error.ts';

/**
 * The folder for what PostgreSQL's user must be able to reach when it cannot reach the project:
 * `/var/tmp/potter-<uid>`, or the same in the system's temporary folder. `/var/tmp` outlives a restart of the machine.
 */
export async function cacheDirectory(chosen: string | undefined): Promise<string> {
  const directory = chosen ?? (await cachePath());
  await mkdir(directory, { recursive: true, mode: 0o755 });
  if (process.getuid === undefined) return directory;
  const { uid, mode } = await lstat(directory);
  // Programs are run from here: in a folder that all may write to, somebody else could have put them there.
  const isOurs = uid === process.getuid() && (mode & 0o022) === 0;
  if (!isOurs || !(await lstat(directory)).isDirectory()) {
    throw embeddedError(`The folder ${directory} belongs to somebody else.`, {
      remedy: 'Remove it, or set DATABASE_URL.',
      details: { directory },
    });
  }
  await chmod(directory, 0o755);
  return directory;
}

/** Where the folder is when nobody has chosen another; it need not exist. */
export async function cachePath(): Promise<string> {
  return join(await base(), `potter-${process.getuid?.() ?? 'user'}`);
}

async function base(): Promise<string> {
  if (process.platform === 'win32') return tmpdir();
  return access('/var/tmp', constants.W_OK).then(
    () => '/var/tmp',
    () => tmpdir(),
  );
}
