import { join } from 'node:path';
import { ioCode, type Disk } from './disk.ts';
import { GeneratorError } from './generator-error.ts';
import type { Plan, PlannedFile } from './plan.ts';
import { MANIFEST_PATH } from './project-manifest.ts';
import { STAGING_INSIDE, TREE, busyTarget, openStaging, ownerState, writeTree } from './staging.ts';

const JOURNAL = 'journal.json';
const UNFINISHED_JOURNAL = 'journal.unfinished.json';

/** One rename: a whole top-level entry, or a single file where the directory is the user's. `/` between segments. */
interface Move {
  readonly path: string;
  readonly kind: 'file' | 'directory';
}

/**
 * Puts files into a directory that stays. Everything is written to `.potter-staging` inside it (same file system), then a
 * journal of the moves is put in place by one rename: before that nothing counts, after that everything does, because
 * whoever comes next finishes the moves. Each move is one rename that never replaces anything.
 */
export function moveIntoTarget(disk: Disk, plan: Plan, directory: string): void {
  finishInterruptedRun(disk, directory);
  const staging = join(directory, STAGING_INSIDE);
  const files = plan.files.filter((file) => file.action === 'create');
  const moves = movesOf(disk, directory, files);
  try {
    openStaging(disk, staging);
    writeTree(disk, join(staging, TREE), files);
    disk.write(
      join(staging, UNFINISHED_JOURNAL),
      Buffer.from(JSON.stringify(moves), 'utf8'),
      false,
    );
    disk.rename(join(staging, UNFINISHED_JOURNAL), join(staging, JOURNAL));
  } catch (error) {
    disk.remove(staging);
    throw error;
  }
  try {
    play(disk, directory, moves);
  } catch (error) {
    takeBack(disk, directory, moves);
    throw error;
  }
  disk.remove(staging);
}

/**
 * Looks after what a killed run left in a target: finishes it when its journal was in place, removes it otherwise.
 * @returns whether a project is complete now because of that.
 */
export function finishInterruptedRun(disk: Disk, directory: string): boolean {
  const staging = join(directory, STAGING_INSIDE);
  if (disk.kind(staging) !== 'directory') return false;
  if (ownerState(disk, staging) !== 'dead') throw busyTarget(directory);
  const journal = join(staging, JOURNAL);
  if (disk.kind(journal) !== 'file') {
    disk.remove(staging);
    return false;
  }
  play(disk, directory, parseMoves(directory, disk.read(journal)));
  disk.remove(staging);
  return true;
}

/** The manifest's directory goes last: where it is, the project is complete. */
function movesOf(disk: Disk, directory: string, files: readonly PlannedFile[]): readonly Move[] {
  const moves = new Map<string, Move>();
  for (const file of files) {
    const segments = file.path.split('/');
    let depth = 1;
    while (
      depth < segments.length &&
      disk.kind(join(directory, ...segments.slice(0, depth))) === 'directory'
    ) {
      depth += 1;
    }
    const path = segments.slice(0, depth).join('/');
    moves.set(path, { path, kind: depth === segments.length ? 'file' : 'directory' });
  }
  const isLast = (move: Move): boolean => MANIFEST_PATH.startsWith(move.path);
  return [...moves.values()].sort((a, b) => Number(isLast(a)) - Number(isLast(b)));
}

/** Repeatable: a move whose source is gone has been made. */
function play(disk: Disk, directory: string, moves: readonly Move[]): void {
  for (const move of moves) {
    const from = join(directory, STAGING_INSIDE, TREE, ...move.path.split('/'));
    const to = join(directory, ...move.path.split('/'));
    if (disk.kind(from) === undefined) continue;
    if (move.kind === 'file') moveFile(disk, from, to);
    else if (disk.kind(to) === undefined) disk.rename(from, to);
    else throw appeared(directory, move.path);
  }
}

function moveFile(disk: Disk, from: string, to: string): void {
  try {
    disk.moveFile(from, to);
  } catch (error) {
    // A kill between the new name and the removal of the old one left both: the same file.
    if (ioCode(error) !== 'EEXIST' || !sameBytes(disk, from, to)) throw error;
    disk.remove(from);
  }
}

const sameBytes = (disk: Disk, a: string, b: string): boolean =>
  disk.kind(b) === 'file' && Buffer.from(disk.read(a)).equals(disk.read(b));

/** Undoes the moves of a run that failed half-way: back into staging, so that nothing of the user's can be hit. */
function takeBack(disk: Disk, directory: string, moves: readonly Move[]): void {
  try {
    for (const move of [...moves].reverse()) {
      const from = join(directory, STAGING_INSIDE, TREE, ...move.path.split('/'));
      const to = join(directory, ...move.path.split('/'));
      if (disk.kind(from) === undefined && disk.kind(to) !== undefined) disk.rename(to, from);
    }
    disk.remove(join(directory, STAGING_INSIDE));
  } catch {
    // The disk fails for good. The journal stays in place, and the next run finishes the moves; the first error is the one to show.
  }
}

function parseMoves(directory: string, bytes: Uint8Array): readonly Move[] {
  const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  if (Array.isArray(value) && value.every((item): item is Move => isMove(item))) return value;
  throw busyTarget(directory);
}

function isMove(value: unknown): value is Move {
  if (typeof value !== 'object' || value === null) return false;
  if (!('path' in value) || typeof value.path !== 'string') return false;
  return 'kind' in value && (value.kind === 'file' || value.kind === 'directory');
}

function appeared(directory: string, path: string): GeneratorError {
  return new GeneratorError('TARGET_NOT_EMPTY', {
    message: `${path} appeared in ${directory} while the project was being written`,
    hint: 'Nothing was left behind. Try again.',
    details: { directory, conflicts: [path] },
  });
}
