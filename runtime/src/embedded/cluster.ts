import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, parse } from 'node:path';
import type { Binaries } from './binaries.ts';
import { embeddedError } from './embedded-error.ts';
import { hasCluster, makeOwned, type Layout } from './layout.ts';

/**
 * The superuser of every embedded server. Not `potter`: PostgreSQL looks for tables first in the schema that has the
 * user's name, and the runtime's schema has that one.
 */
export const SUPERUSER = 'postgres';

/** Inside the data folder, so that the one is never without the other. */
const PASSWORD_FILE = 'potter-password';

/** The superuser's password. Readable by the owner of the data folder alone. */
export function readPassword(dataDirectory: string): Promise<string> {
  return readFile(join(dataDirectory, PASSWORD_FILE), 'utf8');
}

/**
 * Makes the data folder when there is none, in a draft that is renamed at the end: a process killed in the middle
 * leaves a draft, which the next start removes, and never half a data folder.
 */
export async function createCluster(
  layout: Layout,
  binaries: Binaries,
  options: { readonly sync: boolean },
): Promise<void> {
  const { dataDirectory, user } = layout;
  if (await hasCluster(dataDirectory)) return;
  const parent = dirname(dataDirectory);
  await removeDrafts(parent, basename(dataDirectory));
  const draft = `${dataDirectory}.draft-${process.pid}`;
  await makeOwned(draft, user);
  const data = join(draft, 'data');
  const password = join(draft, PASSWORD_FILE);
  await writeFile(password, randomBytes(24).toString('base64url'), { mode: 0o600 });
  if (user !== undefined) await chown(password, user.uid, user.gid);
  await run(binaries.initdb, initdbArguments(data, password, options.sync), layout);
  await rename(password, join(data, PASSWORD_FILE));
  await rm(dataDirectory, { recursive: true, force: true });
  await rename(data, dataDirectory);
  await rm(draft, { recursive: true, force: true });
}

function initdbArguments(data: string, passwordFile: string, sync: boolean): string[] {
  return [
    `--pgdata=${data}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    // Texts sort by code point, the same on every machine and for ever; upper and lower case still know Unicode.
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
    // Stretching protects passwords that can be guessed. This one is 192 random bits, and connecting gets faster.
    '--set=scram_iterations=1',
    ...(sync ? [] : ['--no-sync']),
  ];
}

async function removeDrafts(parent: string, name: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    if (entry.startsWith(`${name}.draft-`)) {
      await rm(join(parent, entry), { recursive: true, force: true });
    }
  }
}

function run(program: string, args: string[], layout: Layout): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      { cwd: parse(program).root, env: serverEnvironment(), ...layout.user },
      (error, stdout, stderr) => {
        if (error === null) return resolve();
        const log = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
        reject(
          embeddedError(`The data folder ${layout.dataDirectory} could not be made.`, {
            log,
            details: { dataDirectory: layout.dataDirectory },
            cause: error,
          }),
        );
      },
    );
  });
}

/** The environment of PostgreSQL's programs: messages in English, nothing of the caller's `PG…` variables. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(PG|LC_|LANG)/.test(name) && name !== 'NODE_OPTIONS',
  );
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' };
}
