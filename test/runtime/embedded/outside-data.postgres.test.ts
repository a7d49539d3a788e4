import { cp, mkdir, mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EmbeddedPostgres } from 'potter-runtime/embedded';
import { startEmbeddedPostgres } from '../../support/embedded.ts';
import { prepareLayout } from '../../../runtime/src/embedded/layout.ts';
import { sweepOutside } from '../../../runtime/src/embedded/sweep-outside.ts';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const nameOf = (dataDirectory: string): string => basename(dirname(dataDirectory));

// Only root lends the server another user, who may not be able to enter the project.
describe.runIf(process.getuid?.() === 0)('data outside a project that only root may enter', () => {
  let cache: TemporaryFolder;
  let projects: TemporaryFolder;

  beforeEach(async () => {
    cache = await temporaryFolder();
    projects = await temporaryFolder(0o700);
  });

  afterEach(async () => {
    await projects[Symbol.asyncDispose]();
    await cache[Symbol.asyncDispose]();
  });

  function start(project: string, persistent = true): Promise<EmbeddedPostgres> {
    return startEmbeddedPostgres({
      directory: join(projects.path, project, '.potter'),
      cacheDirectory: cache.path,
      durability: 'none',
      persistent,
    });
  }

  /** The folders of a project that has data but does not run. */
  async function made(project: string): Promise<string> {
    const directory = join(projects.path, project, '.potter');
    return (await prepareLayout(directory, cache.path)).dataDirectory;
  }

  async function sweptData(): Promise<readonly string[]> {
    await sweepOutside(cache.path);
    const names = await readdir(cache.path);
    return names.filter((name) => name.startsWith('data-') && !name.endsWith('.json'));
  }

  test('goes with the next start after the project was deleted, its record too', async () => {
    const first = await start('deleted');
    const deleted = first.dataDirectory;
    await first.stop();
    await rm(join(projects.path, 'deleted'), { recursive: true });
    await using next = await start('kept');
    const kept = next.dataDirectory;
    await next.stop();
    expect(dirname(deleted)).not.toBe(dirname(kept));
    const left = (await readdir(cache.path)).filter((name) => name.startsWith('data-'));
    expect(left.sort()).toEqual([nameOf(kept), `${nameOf(kept)}.json`]);
  });

  test('goes when `.potter` was deleted to begin again, and is not found by the new beginning', async () => {
    const first = await made('p');
    await rm(join(projects.path, 'p/.potter'), { recursive: true });
    const second = await made('p');
    expect(second).not.toBe(first);
    expect(await sweptData()).toEqual([nameOf(second)]);
  });

  test('goes with a server that was not to be kept', async () => {
    const server = await start('p', false);
    expect(server.dataDirectory.startsWith(cache.path)).toBe(true);
    await server.stop();
    expect((await readdir(cache.path)).filter((name) => name.startsWith('data-'))).toEqual([]);
  });

  test('is kept, and found, when the project was moved', async () => {
    const data = await made('old');
    await rename(join(projects.path, 'old'), join(projects.path, 'new'));
    expect(await sweptData()).toEqual([nameOf(data)]);
    expect(await made('new')).toBe(data);
    expect(await sweptData()).toEqual([nameOf(data)]);
  });

  test('is kept while a server uses it, although the project was deleted', async () => {
    const server = await start('p');
    await rm(join(projects.path, 'p'), { recursive: true });
    expect(await sweptData()).toEqual([nameOf(server.dataDirectory)]);
    await server.stop();
    expect(await sweptData()).toEqual([]);
  });

  test('is not shared by a copy of the project, which gets its own', async () => {
    const original = await made('original');
    await cp(join(projects.path, 'original'), join(projects.path, 'copy'), { recursive: true });
    const copy = await made('copy');
    expect(copy).not.toBe(original);
    await rm(join(projects.path, 'copy'), { recursive: true });
    expect(await sweptData()).toEqual([nameOf(original)]);
  });

  test('is kept when nothing says whose it is', async () => {
    await mkdir(join(cache.path, 'data-0000000000000000/postgres'), { recursive: true });
    expect(await sweptData()).toEqual(['data-0000000000000000']);
  });

  test('of a project outside temporary folders waits for 30 days: it may be on another disk now', async () => {
    // The checkout itself may be in a temporary folder; the home of root is not.
    const project = await mkdtemp(join(homedir(), 'potter-project-'));
    const { dataDirectory } = await prepareLayout(join(project, '.potter'), cache.path);
    await rm(project, { recursive: true });
    const record = `${dirname(dataDirectory)}.json`;
    expect(await sweptData()).toEqual([nameOf(dataDirectory)]);
    const past = (await stat(record)).mtimeMs / 1_000 - 31 * 86_400;
    await utimes(record, past, past);
    expect(await sweptData()).toEqual([]);
  });
});
