import { dirname, join } from 'node:path';
import { describeIoError, ioCode, type Disk } from './disk.ts';
import { GeneratorError } from './generator-error.ts';
import { moveIntoTarget } from './move-into-target.ts';
import type { Plan } from './plan.ts';
import { removeDeadSiblings, siblingStaging, writeTree } from './staging.ts';

/**
 * Writes a plan so that the target has nothing of it or all of it, whenever the process ends.
 *
 * A new or empty target gets everything by one rename of a finished directory. A directory that has to stay (with `.git`
 * in it, or because a shell stands in it) gets its entries by renames that a journal makes repeatable.
 */
export function applyPlan(disk: Disk, plan: Plan): void {
  const { target } = plan;
  try {
    if (target.kind === 'fresh') {
      placeFresh(disk, plan, target.anchor, target.missing);
      return;
    }
    if (target.replaceable && tryReplaceEmpty(disk, plan)) return;
    moveIntoTarget(disk, plan, target.directory);
  } catch (error) {
    if (error instanceof GeneratorError) throw error;
    throw unwritable(target.directory, error);
  }
}

/** Renames a new target into place, with whatever above it is missing too. */
function placeFresh(
  disk: Disk,
  plan: Plan,
  anchor: string,
  [first, ...below]: readonly [string, ...string[]],
): void {
  const destination = join(anchor, first);
  const [next, ...rest] = below;
  try {
    renameWhole(disk, plan, destination, below);
  } catch (error) {
    const isTaken = ['ENOTEMPTY', 'EEXIST'].includes(ioCode(error) ?? '');
    if (next === undefined || !isTaken || disk.kind(destination) !== 'directory') throw error;
    // Somebody made the directory above meanwhile, another run most likely: ours goes into it.
    placeFresh(disk, plan, destination, [next, ...rest]);
  }
}

/** Builds `destination` (with the project at `below` inside it) in a sibling directory and renames it into place. */
function renameWhole(
  disk: Disk,
  plan: Plan,
  destination: string,
  below: readonly string[],
  mode?: number,
): void {
  removeDeadSiblings(disk, destination);
  const staging = siblingStaging(destination);
  try {
    let root = staging;
    for (const segment of below) {
      disk.makeDirectory(root);
      root = join(root, segment);
    }
    writeTree(disk, root, plan.files);
    if (mode !== undefined) disk.setMode(staging, mode);
    disk.rename(staging, destination);
  } catch (error) {
    disk.remove(staging);
    throw error;
  }
}

/** False when the platform, or the place (a mount point, a parent that cannot be written), needs the slower way. */
function tryReplaceEmpty(disk: Disk, plan: Plan): boolean {
  const { directory } = plan.target;
  if (!disk.writable(dirname(directory))) return false;
  try {
    renameWhole(disk, plan, directory, [], disk.mode(directory));
    return true;
  } catch (error) {
    const code = ioCode(error);
    if (code === 'EPERM' || code === 'EEXIST' || code === 'EXDEV' || code === 'EBUSY') return false;
    throw error;
  }
}

function unwritable(directory: string, cause: unknown): GeneratorError {
  return new GeneratorError('TARGET_UNUSABLE', {
    message: `cannot write ${directory}: ${describeIoError(cause)}`,
    hint: 'Nothing was left behind. Make room or choose another directory.',
    details: { directory, errno: ioCode(cause) ?? null },
    cause,
  });
}
