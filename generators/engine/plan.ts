import { join } from 'node:path';
import type { Disk } from './disk.ts';
import { GeneratorError } from './generator-error.ts';
import { foldedPath } from './output-path.ts';
import type { ProjectFile } from './render.ts';
import { STAGING_INSIDE } from './staging.ts';
import type { Target } from './target.ts';

/** `create` writes the file; `keep` leaves the user's own file of that name alone. */
export type FileAction = 'create' | 'keep';

export interface PlannedFile extends ProjectFile {
  readonly action: FileAction;
}

/** What is going to happen, before anything does. */
export interface Plan {
  readonly target: Target;
  readonly files: readonly PlannedFile[];
  readonly warnings: readonly string[];
}

/** What a hosting service or an editor puts into a new repository. Such entries may stay beside a project. */
const NEIGHBOUR =
  /^(?:\.git|\.github|\.gitlab|\.gitignore|\.gitattributes|\.gitkeep|\.editorconfig|\.idea|\.vscode|\.ds_store|thumbs\.db|readme(?:\.[a-z]+)?|licen[cs]e(?:\.[a-z]+)?)$/iu;

/** How many names of entries in the way a message shows. */
const SHOWN_CONFLICTS = 10;

/** Decides the action of every file. Throws TARGET_NOT_EMPTY, with the list, when something is in the way. */
export function planProject(disk: Disk, target: Target, files: readonly ProjectFile[]): Plan {
  if (target.kind === 'fresh' || target.replaceable) {
    return { target, files: files.map((file) => ({ ...file, action: 'create' })), warnings: [] };
  }
  const { directory } = target;
  const conflicts = disk
    .list(directory)
    .filter((name) => name !== STAGING_INSIDE && !NEIGHBOUR.test(name))
    .map((name) => (disk.kind(join(directory, name)) === 'directory' ? `${name}/` : name));
  const planned: PlannedFile[] = [];
  for (const file of files) {
    const found = findEntry(disk, directory, file.path);
    if (found === 'obstacle') conflicts.push(file.path);
    planned.push({ ...file, action: found === 'file' ? 'keep' : 'create' });
  }
  if (conflicts.length > 0) throw notEmpty(directory, conflicts);
  const kept = planned.filter((file) => file.action === 'keep').map((file) => file.path);
  const warnings = kept.map((path) => `${path} was there already and is kept as it is`);
  return { target, files: planned, warnings };
}

/** What is at a path of the project, with names compared as a case-insensitive disk would. */
function findEntry(disk: Disk, directory: string, path: string): 'nothing' | 'file' | 'obstacle' {
  const segments = path.split('/');
  let current = directory;
  for (const [index, segment] of segments.entries()) {
    const name = disk.list(current).find((entry) => foldedPath(entry) === foldedPath(segment));
    if (name === undefined) return 'nothing';
    const kind = disk.kind(join(current, name));
    const last = index === segments.length - 1;
    if (last) return kind === 'file' ? 'file' : 'obstacle';
    // A link could lead out of the target; a differing spelling would split the directory elsewhere.
    if (kind !== 'directory' || name !== segment) return 'obstacle';
    current = join(current, name);
  }
  return 'obstacle';
}

function notEmpty(directory: string, conflicts: readonly string[]): GeneratorError {
  const shown = conflicts.slice(0, SHOWN_CONFLICTS).join(', ');
  const more = conflicts.length - SHOWN_CONFLICTS;
  return new GeneratorError('TARGET_NOT_EMPTY', {
    message: `${directory} is not empty; in the way: ${shown}${more > 0 ? ` and ${more} more` : ''}`,
    hint: 'Choose another directory, or move these files away. Nothing was written.',
    details: { directory, conflicts },
  });
}
