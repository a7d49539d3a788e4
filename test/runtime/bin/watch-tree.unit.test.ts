import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchTree, type TreeWatcher } from '../../../runtime/src/bin/watch-tree.ts';
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';
import { deferred, type Deferred } from '../../support/deferred.ts';

let folder: TemporaryFolder;
let watcher: TreeWatcher;
let change: Deferred<readonly string[]>;

beforeEach(async () => {
  folder = await temporaryFolder();
  await mkdir(join(folder.path, 'src'));
  change = deferred();
  watcher = watchTree([join(folder.path, 'src')], [], (paths) => change.resolve(paths));
});

afterEach(async () => {
  watcher.close();
  await folder[Symbol.asyncDispose]();
});

/** Puts a folder with a file two levels down into `src`, in one step. */
async function moveIn(text: string): Promise<string> {
  await mkdir(join(folder.path, 'draft/below'), { recursive: true });
  await writeFile(join(folder.path, 'draft/below/file.ts'), text);
  await rename(join(folder.path, 'draft'), join(folder.path, 'src/moved'));
  return join(folder.path, 'src/moved/below/file.ts');
}

async function nextChange(): Promise<readonly string[]> {
  const paths = await change.promise;
  change = deferred();
  return paths;
}

test('files that a new folder has when it is first seen are changes', async () => {
  const file = await moveIn('1');
  expect(await nextChange()).toEqual([file]);
});

test('a folder that is replaced by another of its name is watched on, down to its files', async () => {
  const file = await moveIn('1');
  await nextChange();
  // What a change of branches does, at once.
  await rename(join(folder.path, 'src/moved'), join(folder.path, 'old'));
  await moveIn('2');
  expect(await nextChange()).toEqual([file]);
  await writeFile(file, '3');
  expect(await nextChange()).toEqual([file]);
  await rm(file);
  expect(await nextChange()).toEqual([file]);
});
