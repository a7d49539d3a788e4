import { execFile } from 'node:child_process';
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { basename, dirname, join, parse, relative, resolve } from 'node:path';
import { cacheDirectory } from './cache-directory.ts';
import { embeddedError } from './embedded-error.ts';
import { findPlatformPackage, type PlatformPackage } from './platform-package.ts';
import type { ServerUser } from './server-user.ts';

/** Programs that can be run by the server's user. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
  /** As the program says it: `18.4`. */
  readonly version: string;
}

/** What {@link prepareBinaries} needs to know. */
export interface BinariesOptions {
  readonly projectDirectory: string;
  readonly user: ServerUser | undefined;
  readonly cacheDirectory: string | undefined;
}

/**
 * Makes PostgreSQL's programs ready to run. They are used where npm put them when that works; otherwise they are
 * copied once: when they are under a folder that the server's user cannot enter (/root), or when the links that the
 * package's install script should have made are missing and the folder is read-only.
 */
export async function prepareBinaries(options: BinariesOptions): Promise<Binaries> {
  const source = await findPlatformPackage(options.projectDirectory);
  const inPlace = programsIn(source.nativeDirectory);
  await hydrateLinks(source.nativeDirectory);
  const first = await probe(inPlace.postgres, inPlace.initdb, options.user);
  if (first.version !== undefined) return { ...inPlace, version: first.version };

  const copy = programsIn(await copyOnce(source, await cacheDirectory(options.cacheDirectory)));
  const second = await probe(copy.postgres, copy.initdb, options.user);
  if (second.version !== undefined) return { ...copy, version: second.version };
  throw embeddedError('The programs of the embedded PostgreSQL do not run here.', {
    log: [second.problem],
    details: { platform: `${process.platform}-${process.arch}`, postgres: copy.postgres },
  });
}

function programsIn(nativeDirectory: string): Omit<Binaries, 'version'> {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const program = (name: string): string => join(nativeDirectory, 'bin', `${name}${suffix}`);
  return { initdb: program('initdb'), postgres: program('postgres'), pgCtl: program('pg_ctl') };
}

type Probe =
  | { readonly version: string; readonly problem?: never }
  | { readonly version?: undefined; readonly problem: string };

/** Only running a program shows whether it can be run: rights, links to libraries and the C library all play a part. */
async function probe(
  postgres: string,
  initdb: string,
  user: ServerUser | undefined,
): Promise<Probe> {
  const [server, creator] = await Promise.all([
    sayVersion(postgres, user),
    sayVersion(initdb, user),
  ]);
  return server.version !== undefined && creator.version === undefined ? creator : server;
}

function sayVersion(program: string, user: ServerUser | undefined): Promise<Probe> {
  return new Promise((done) => {
    execFile(
      program,
      ['--version'],
      { cwd: parse(program).root, ...user },
      (error, stdout, stderr) => {
        const version = /\d+\.\d+/.exec(stdout)?.[0];
        if (error === null && version !== undefined) done({ version });
        else done({ problem: (stderr.trim() || error?.message) ?? `${program} said '${stdout}'` });
      },
    );
  });
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/** npm cannot pack links; the package lists them for its install script, which npm 12 and pnpm do not run. */
async function hydrateLinks(nativeDirectory: string): Promise<void> {
  for (const link of await listedLinks(nativeDirectory)) {
    const target = resolve(nativeDirectory, '..', link.target);
    const source = resolve(nativeDirectory, '..', link.source);
    await symlink(relative(dirname(target), source), target).catch(() => {
      // There already, or read-only: the probe that follows tells which.
    });
  }
}

async function listedLinks(nativeDirectory: string): Promise<readonly Link[]> {
  const text = await readFile(join(nativeDirectory, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links: unknown = JSON.parse(text);
  return Array.isArray(links) ? links.filter(isLink) : [];
}

function isLink(value: unknown): value is Link {
  if (typeof value !== 'object' || value === null) return false;
  if (!('source' in value) || !('target' in value)) return false;
  return typeof value.source === 'string' && typeof value.target === 'string';
}

/** Copies under another name and renames at the end, so that what has the final name is always complete. */
async function copyOnce(source: PlatformPackage, cache: string): Promise<string> {
  const final = join(cache, `postgres-${source.version}`);
  const native = join(final, 'native');
  if (await exists(native)) return native;
  const draft = `${final}.${process.pid}`;
  await copyTree(source.nativeDirectory, join(draft, 'native'));
  await chmod(draft, 0o755);
  await hydrateLinks(join(draft, 'native'));
  try {
    await rename(draft, final);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!(await exists(native))) throw error;
  }
  return native;
}

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from)) {
    // Only needed to compile against PostgreSQL.
    if (entry.endsWith('.a') || entry === 'pkgconfig') continue;
    const [source, target] = [join(from, entry), join(to, entry)];
    const facts = await lstat(source);
    if (facts.isDirectory()) await copyTree(source, target);
    else if (facts.isSymbolicLink()) await symlink(await readlink(source), target);
    else {
      await copyFile(source, target);
      await chmod(target, basename(from) === 'bin' || (facts.mode & 0o100) !== 0 ? 0o755 : 0o644);
    }
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
