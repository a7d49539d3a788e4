import { statSync, readdirSync, watch, type FSWatcher } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Watches until it is closed. */
export interface TreeWatcher {
  close(): void;
}

/** An editor writes a file in several steps, and "save all" many files: they are one change, this far apart. */
const QUIET_MS = 80;
const SOURCE = /\.(?:[cm]?[jt]sx?|json|sql|proto|graphql|gql|ya?ml|hbs|html|css)$|^\.env$/;
const SKIPPED = new Set(['node_modules', 'dist', 'coverage', 'test', 'tests']);

/**
 * Tells about changes of source files below some folders, and of some single files.
 * Each folder is watched for itself, because Node's recursive watching on Linux would go through node_modules too.
 */
export function watchTree(
  folders: readonly string[],
  files: readonly string[],
  onChange: (paths: readonly string[]) => void,
): TreeWatcher {
  const watchers = new Map<string, FSWatcher>();
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  const note = (path: string): void => {
    changed.add(path);
    clearTimeout(timer);
    timer = setTimeout(() => {
      const paths = [...changed];
      changed.clear();
      onChange(paths);
    }, QUIET_MS);
  };

  const observe = (folder: string, onEvent: (name: string) => void): void => {
    if (watchers.has(folder)) return;
    try {
      const watcher = watch(folder, (_event, name) => name !== null && onEvent(name));
      watcher.on('error', () => forget(folder));
      watchers.set(folder, watcher);
    } catch {
      // Gone since it was seen, or never there.
    }
  };

  const forget = (folder: string): void => {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  };

  const addFolder = (folder: string): void => {
    observe(folder, (name) => {
      const path = join(folder, name);
      if (isFolder(path)) return isWatched(name) ? addFolder(path) : undefined;
      if (watchers.has(path)) forget(path);
      if (SOURCE.test(name)) note(path);
    });
    for (const name of foldersIn(folder)) addFolder(join(folder, name));
  };

  for (const folder of folders) addFolder(folder);
  // Editors replace a file by another one, which ends the watching of a file; its folder stays.
  for (const [folder, names] of byFolder(files)) {
    observe(folder, (name) => names.has(name) && note(join(folder, name)));
  }
  return {
    close: () => {
      clearTimeout(timer);
      for (const folder of watchers.keys()) forget(folder);
    },
  };
}

function isWatched(name: string): boolean {
  return !name.startsWith('.') && !SKIPPED.has(name);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function foldersIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && isWatched(entry.name))
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}

function byFolder(files: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const result = new Map<string, Set<string>>();
  for (const file of files) {
    const names = result.get(dirname(file)) ?? new Set();
    result.set(dirname(file), names.add(basename(file)));
  }
  return result;
}
