import { readFile, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { PotterError } from '../errors/potter-error.ts';
import { componentDirectory, type RuntimeComponent } from './runtime-components.ts';

/** Where a migration comes from: a part of the runtime, or the project's own folder. */
export type MigrationSource = RuntimeComponent | 'project';

/** One file, not yet read. */
export interface MigrationFile {
  readonly source: MigrationSource;
  /** What the table of applied migrations holds: the file's name without `.sql`, after `<component>:` for the runtime's. */
  readonly name: string;
  readonly directory: string;
  readonly fileName: string;
}

/** Sections of a file. */
export interface MigrationSql {
  readonly up: MigrationSection;
  /** Undefined: the migration cannot be taken back. */
  readonly down: MigrationSection | undefined;
}

/** The text of a section and where in the file it begins, counted from 1. */
export interface MigrationSection {
  readonly text: string;
  readonly firstLine: number;
  /** Whether it says `-- No Transaction`: for the one statement that PostgreSQL refuses inside of one. */
  readonly transactional: boolean;
}

const FILE_NAME = /^(\d{1,17})[_-][A-Za-z0-9][A-Za-z0-9_-]*\.sql$/;
const CODE = /\.[cm]?[jt]s$/;

/** The migrations of some parts of the runtime and then those of a project's folder, in the order of application. */
export async function listMigrations(
  components: readonly RuntimeComponent[],
  projectDirectory: string | undefined,
): Promise<readonly MigrationFile[]> {
  const lists = await Promise.all([
    ...components.map((component) => listDirectory(component, componentDirectory(component))),
    ...(projectDirectory === undefined ? [] : [listDirectory('project', projectDirectory)]),
  ]);
  return lists.flat();
}

async function listDirectory(
  source: MigrationSource,
  directory: string,
): Promise<readonly MigrationFile[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    // A project without migrations needs no folder for them.
    if (source === 'project' && isMissing(error)) return [];
    throw new PotterError('MIGRATION_FAILED', {
      message: `The folder ${directory} cannot be read.`,
      details: { directory },
      cause: error,
    });
  });
  const files = names.filter((name) => !name.startsWith('.') && /\.(sql|[cm]?[jt]s)$/.test(name));
  for (const name of files) assertFileName(join(directory, name), name);
  return files
    .sort(inOrder)
    .map((fileName) => ({ source, name: appliedName(source, fileName), directory, fileName }));
}

/** Names go into statements and order the migrations; this is also what keeps both safe. */
function assertFileName(path: string, name: string): void {
  if (FILE_NAME.test(name) && name.length <= 150) return;
  const shown = displayPath(path);
  throw new PotterError('MIGRATION_FAILED', {
    message: CODE.test(name)
      ? `${shown} is code, and migrations are SQL files.`
      : `${shown} has no name of the form <number>_<what_it_does>.sql.`,
    remedy: "Rename or move it; 'potter-migrate create <name>' makes a file with a good name.",
    details: { file: shown },
  });
}

/** By number, then by name. */
function inOrder(a: string, b: string): number {
  const [left, right] = [BigInt(FILE_NAME.exec(a)?.[1] ?? 0), BigInt(FILE_NAME.exec(b)?.[1] ?? 0)];
  if (left !== right) return left < right ? -1 : 1;
  return a < b ? -1 : 1;
}

function appliedName(source: MigrationSource, fileName: string): string {
  const plain = fileName.slice(0, -'.sql'.length);
  return source === 'project' ? plain : `${source}:${plain}`;
}

/** The path of a file for people: relative when it is below the current folder. */
export function displayPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}

/** Reads and cuts a file into its sections, marked by lines that begin with `-- Up Migration` and `-- Down Migration`. */
export async function readMigration(file: MigrationFile): Promise<MigrationSql> {
  const path = join(file.directory, file.fileName);
  const lines = (await readFile(path, 'utf8')).split('\n');
  const up = lines.findIndex((line) => /^\s*--[\s-]*up\s+migration/i.test(line));
  const down = lines.findIndex((line) => /^\s*--[\s-]*down\s+migration/i.test(line));
  if (up < 0 || (down >= 0 && down < up)) {
    throw new PotterError('MIGRATION_FAILED', {
      message: `${displayPath(path)} has no line '-- Up Migration' before '-- Down Migration'.`,
      remedy: 'Put one before the statements to apply.',
      details: { file: displayPath(path) },
    });
  }
  return {
    up: section(lines, up, down < 0 ? lines.length : down),
    down: down < 0 ? undefined : section(lines, down, lines.length),
  };
}

function section(lines: readonly string[], from: number, to: number): MigrationSection {
  const text = lines.slice(from, to).join('\n');
  return {
    text,
    firstLine: from + 1,
    transactional: !/^\s*--[\s-]*no\s+transaction/im.test(text),
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
