import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { describeIoError, ioCode, type Disk } from './disk.ts';
import { GeneratorError } from './generator-error.ts';
import { portableNameProblem } from './output-path.ts';

/** Where a project is going to be. */
export type Target =
  | {
      readonly kind: 'fresh';
      /** Absolute path of the project. */
      readonly directory: string;
      /** The nearest directory above it that exists. */
      readonly anchor: string;
      /** What has to be made below the anchor, with the project's own name last. */
      readonly missing: readonly [string, ...string[]];
    }
  | {
      readonly kind: 'existing';
      readonly directory: string;
      /** Nothing is in it, and no shell stands in it: it can be replaced as a whole. */
      readonly replaceable: boolean;
    };

/** Looks at the target without changing anything. Refuses what is no directory and new names that not every platform can store. */
export function inspectTarget(disk: Disk, directory: string, cwd: string): Target {
  if (directory.includes('\0')) throw unusable(directory, 'has a NUL character in its path');
  try {
    return inspect(disk, resolve(cwd, directory), cwd);
  } catch (error) {
    if (error instanceof GeneratorError) throw error;
    throw unusable(directory, `cannot be read: ${describeIoError(error)}`, error);
  }
}

function inspect(disk: Disk, absolute: string, cwd: string): Target {
  if (absolute.split(sep).includes('node_modules')) {
    throw unusable(
      absolute,
      'is inside of node_modules, where npm installs past it and deletes it',
    );
  }
  const missing: string[] = [];
  let anchor = absolute;
  let kind = kindOf(disk, anchor);
  while (kind === undefined && dirname(anchor) !== anchor) {
    missing.unshift(basename(anchor));
    anchor = dirname(anchor);
    kind = kindOf(disk, anchor);
  }
  const real = kind === 'link' ? followedDirectory(disk, anchor) : anchor;
  if (kind !== 'directory' && kind !== 'link') {
    throw unusable(
      absolute,
      anchor === absolute ? 'is a file' : `cannot be made: ${anchor} is not a directory`,
    );
  }
  if (!disk.writable(real)) throw unusable(absolute, `cannot be written: ${real} is not writable`);
  const [first, ...rest] = missing;
  if (first === undefined) {
    const empty = disk.list(real).length === 0;
    return {
      kind: 'existing',
      directory: real,
      replaceable: empty && kind === 'directory' && !contains(real, cwd),
    };
  }
  for (const name of missing) {
    const problem = portableNameProblem(name);
    if (problem === undefined) continue;
    throw new GeneratorError('INVALID_NAME', {
      message: `the directory name ${JSON.stringify(name)} ${problem}`,
      hint: 'Choose a name that Windows, macOS and Linux can all store.',
      details: { name },
    });
  }
  return {
    kind: 'fresh',
    directory: join(real, ...missing),
    anchor: real,
    missing: [first, ...rest],
  };
}

function kindOf(disk: Disk, path: string): ReturnType<Disk['kind']> {
  try {
    return disk.kind(path);
  } catch (error) {
    // A file somewhere above, or a name no disk takes: go on upwards, where either is found and explained.
    const code = ioCode(error);
    if (code === 'ENOTDIR' || code === 'ENAMETOOLONG') return undefined;
    throw error;
  }
}

function followedDirectory(disk: Disk, link: string): string {
  const real = disk.realPath(link);
  if (disk.kind(real) === 'directory') return real;
  throw unusable(link, 'is a link to something that is not a directory');
}

function contains(directory: string, path: string): boolean {
  const way = relative(directory, resolve(path));
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`));
}

function unusable(directory: string, problem: string, cause?: unknown): GeneratorError {
  return new GeneratorError('TARGET_UNUSABLE', {
    message: `the target ${JSON.stringify(directory)} ${problem}`,
    hint: 'Give another directory.',
    details: { directory },
    cause,
  });
}
