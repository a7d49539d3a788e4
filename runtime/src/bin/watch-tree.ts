import { statSync, readdirSync, watch, type Dirent, type FSWatcher } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';

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

  const observe = (folder: string, onEvent: (name: string, event: string) => void): void => {
    if (watchers.has(folder)) return;
    try {
      const watcher = watch(folder, (event, name) => name !== null && onEvent(name, event));
      watcher.on('error', () => forget(folder));
      watchers.set(folder, watcher);
    } catch {
      // Gone since it was seen, or never there.
    }
  };

  /** The folder and all below it. */
  const forget = (folder: string): void => {
    for (const [path, watcher] of watchers) {
      if (path !== folder && !path.startsWith(folder + sep)) continue;
      watcher.close();
      watchers.delete(path);
    }
  };

  const addFolder = (folder: string): void => {
    observe(folder, (name, event) => {
      const path = join(folder, name);
      if (isFolder(path)) return event === 'rename' && isWatched(name) ? replace(path) : undefined;
      forget(path);
      if (SOURCE.test(name)) note(path);
    });
    for (const entry of entriesOf(folder)) {
      if (entry.isDirectory() && isWatched(entry.name)) addFolder(join(folder, entry.name));
    }
  };

  /** A folder that appears may have files by now, and may be another one of the same name, of which no watcher tells. */
  const replace = (folder: string): void => {
    forget(folder);
    addFolder(folder);
    for (const path of watchers.keys()) {
      if (path !== folder && !path.startsWith(folder + sep)) continue;
      for (const entry of entriesOf(path)) {
        if (entry.isFile() && SOURCE.test(entry.name)) note(join(path, entry.name));
      }
    }
  };

  for (const folder of folders) addFolder(folder);
  // Editors replace a file by another one, which ends the watching of a file; its folder stays.
  for (const [folder, names] of byFolder(files)) {
    observe(folder, (name) => names.has(name) && note(join(folder, name)));
  }
  return {
    close: () => {
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
  };
}

function isWatched(name: string): boolean {
  return !name.startsWith('.') && !SKIPPED.has(name);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
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
