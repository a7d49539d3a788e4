import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Disk } from './disk.ts';
import { GeneratorError } from './generator-error.ts';
import type { PlannedFile } from './plan.ts';

/** The staging directory inside an existing target; its name is fixed, so that the next run finds what a killed one left. */
export const STAGING_INSIDE = '.potter-staging';
const SIBLING_MARK = '.potter-staging-';
const OWNER_FILE = 'owner.json';
/** The project, inside `.potter-staging`. */
export const TREE = 'tree';

interface Owner {
  readonly pid: number;
  readonly host: string;
}

/** Tells machines that share a disk apart, without writing their names down. */
const thisHost = (): string => createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

/**
 * A staging directory beside a target that does not exist yet, `.my-orders.potter-staging-<host>-<pid>-<random>`. It becomes the
 * target by its rename, so whose it is stands in its name and nothing is left to tidy up afterwards.
 */
export function siblingStaging(target: string): string {
  const owner = `${thisHost()}-${process.pid}-${randomUUID().slice(0, 8)}`;
  return join(dirname(target), `.${basename(target)}${SIBLING_MARK}${owner}`);
}

/** Makes the staging directory inside a target, with a note of whose it is. */
export function openStaging(disk: Disk, staging: string): void {
  disk.makeDirectory(staging);
  const owner: Owner = { pid: process.pid, host: thisHost() };
  disk.write(join(staging, OWNER_FILE), Buffer.from(JSON.stringify(owner), 'utf8'), false);
}

/** Writes files below a directory, making each directory once. The directory itself must not exist. */
export function writeTree(disk: Disk, root: string, files: readonly PlannedFile[]): void {
  const made = new Set<string>();
  const make = (directory: string): void => {
    if (made.has(directory)) return;
    if (directory !== root) make(dirname(directory));
    disk.makeDirectory(directory);
    made.add(directory);
  };
  make(root);
  for (const file of files) {
    const path = join(root, ...file.path.split('/'));
    make(dirname(path));
    disk.write(path, file.bytes, file.executable);
  }
}

/** Removes staging directories beside a target whose process was killed. Those of living processes and other hosts stay. */
export function removeDeadSiblings(disk: Disk, target: string): void {
  const parent = dirname(target);
  const prefix = `.${basename(target)}${SIBLING_MARK}`;
  for (const name of disk.list(parent)) {
    if (!name.startsWith(prefix)) continue;
    const [host = '', pid = ''] = name.slice(prefix.length).split('-');
    if (stateOf({ host, pid: Number(pid) }) === 'dead') disk.remove(join(parent, name));
  }
}

/** Whether the process that made a `.potter-staging` still lives; `foreign` when that cannot be known. */
export function ownerState(disk: Disk, staging: string): 'dead' | 'alive' | 'foreign' {
  const note = join(staging, OWNER_FILE);
  // Killed between the directory and its note: an empty directory, or a note that was not finished.
  if (disk.kind(note) === undefined) return disk.list(staging).length === 0 ? 'dead' : 'foreign';
  const owner = parseOwner(Buffer.from(disk.read(note)).toString('utf8'));
  return owner === undefined ? 'dead' : stateOf(owner);
}

function stateOf(owner: Owner): 'dead' | 'alive' | 'foreign' {
  if (owner.host !== thisHost() || !Number.isSafeInteger(owner.pid)) return 'foreign';
  return owner.pid !== process.pid && isAlive(owner.pid) ? 'alive' : 'dead';
}

function parseOwner(text: string): Owner | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    if (!('pid' in value) || typeof value.pid !== 'number') return undefined;
    if (!('host' in value) || typeof value.host !== 'string') return undefined;
    return { pid: value.pid, host: value.host };
  } catch {
    // Half a note: its writer was killed while writing it.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: alive, but somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

export function busyTarget(directory: string): GeneratorError {
  return new GeneratorError('TARGET_UNUSABLE', {
    message: `another run is writing into ${directory}, or one on another machine was interrupted there`,
    hint: `Wait for it to end; if there is none, remove ${join(directory, STAGING_INSIDE)}.`,
    details: { directory },
  });
}
