import {
  accessSync,
  chmodSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';

export type EntryKind = 'file' | 'directory' | 'link' | 'other';

/**
 * All the engine ever does to a disk. Synchronous on purpose: a few dozen small files are written faster without the
 * thread pool, and there is nothing to overlap them with. Tests put a failing or killing disk in its place.
 */
export interface Disk {
  /** What is there, without following links; undefined for nothing. */
  kind(path: string): EntryKind | undefined;
  /** The names in a directory, sorted. */
  list(path: string): readonly string[];
  read(path: string): Uint8Array;
  realPath(path: string): string;
  /** Whether this process may make entries in a directory. */
  writable(path: string): boolean;
  /** Permission bits of a directory. */
  mode(path: string): number;
  /** Makes one directory; its parent exists. */
  makeDirectory(path: string): void;
  setMode(path: string, mode: number): void;
  /** Writes a new file; fails when there is one. */
  write(path: string, bytes: Uint8Array, executable: boolean): void;
  /** Replaces an empty directory where the platform does that. */
  rename(from: string, to: string): void;
  /** Moves a file to a name that nobody has, atomically: fails when there is one. */
  moveFile(from: string, to: string): void;
  /** Removes a file or a whole directory that the engine itself has made; no error when it is gone. */
  remove(path: string): void;
}

export const nodeDisk: Disk = {
  kind: (path) => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    if (stats.isSymbolicLink()) return 'link';
    if (stats.isDirectory()) return 'directory';
    return stats.isFile() ? 'file' : 'other';
  },
  list: (path) => readdirSync(path).sort(),
  read: (path) => readFileSync(path),
  realPath: (path) => realpathSync(path),
  writable: (path) => {
    try {
      accessSync(path, constants.W_OK);
      return true;
    } catch {
      // Whatever the reason is, the answer is no.
      return false;
    }
  },
  mode: (path) => statSync(path).mode & 0o777,
  makeDirectory: (path) => {
    mkdirSync(path);
  },
  setMode: (path, mode) => {
    chmodSync(path, mode);
  },
  write: (path, bytes, executable) => {
    writeFileSync(path, bytes, { flag: 'wx', mode: executable ? 0o777 : 0o666 });
  },
  rename: (from, to) => {
    renameSync(from, to);
  },
  moveFile: (from, to) => {
    try {
      // A second name fails when the name is taken; a rename would replace what is there.
      linkSync(from, to);
    } catch (error) {
      if (ioCode(error) === 'EEXIST' || lstatSync(to, { throwIfNoEntry: false }) !== undefined)
        throw error;
      // File systems without hard links (FAT, some network shares).
      renameSync(from, to);
      return;
    }
    unlinkSync(from);
  },
  remove: (path) => {
    rmSync(path, { recursive: true, force: true });
  },
};

/** The errno name of a failed call, such as `ENOENT`. */
export function ioCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const PHRASES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'it exists',
  EISDIR: 'it is a directory',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'it does not exist',
  ENOSPC: 'no space is left on the disk',
  ENOTDIR: 'a part of the path is not a directory',
  ENOTEMPTY: 'it is not empty',
  EPERM: 'the operation is not permitted',
  EROFS: 'the disk is read-only',
};

/** A failed disk operation in words, with the errno for those who search. */
export function describeIoError(error: unknown): string {
  const code = ioCode(error);
  if (code === undefined) return error instanceof Error ? error.message : String(error);
  const phrase = PHRASES[code];
  return phrase === undefined ? code : `${phrase} (${code})`;
}
