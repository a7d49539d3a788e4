import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { nodeDisk, type Disk } from '../../../generators/engine/disk.ts';
import { generate } from '../../../generators/engine/generate.ts';
import { siblingStaging } from '../../../generators/engine/staging.ts';
import { fixtureTemplates } from '../fixtures/examples.ts';
import { interruptedDisk } from '../support/faulty-disk.ts';
import { HARNESS_REQUEST } from '../support/harness-request.ts';
import { temporaryDirectory, treeOf } from '../support/temporary-directory.ts';

/** Lives as long as this test. */
const LIVING = process.ppid;

const generateIn = (
  cwd: string,
  directory: string,
  disk: Disk = nodeDisk,
  dryRun = false,
): void => {
  generate(fixtureTemplates, { ...HARNESS_REQUEST, cwd, directory, dryRun }, disk);
};

/** The staging directory of another run beside a new target, by its process and machine. */
function siblingOf(target: string, pid: number, host?: string): string {
  const own = siblingStaging(target);
  const [, mark = '', ours = ''] = /^(.*-staging-)([0-9a-f]+)-/u.exec(own) ?? [];
  return `${mark}${host ?? ours}-${pid}-00000000`;
}

const hostOf = (target: string): string =>
  /-staging-([0-9a-f]+)-/u.exec(siblingStaging(target))?.[1] ?? '';

/** A killed run's staging directory inside a target: of which process, and on which machine. */
function stagingInside(directory: string, pid: number, host: string): void {
  mkdirSync(join(directory, '.potter-staging', 'tree'), { recursive: true });
  writeFileSync(join(directory, '.potter-staging', 'owner.json'), JSON.stringify({ pid, host }));
}

test('beside a new target only what a dead process of this machine left is removed', () => {
  using root = temporaryDirectory();
  const target = join(root.path, 'x');
  const dead = siblingOf(target, 2 ** 30);
  const living = siblingOf(target, LIVING);
  const foreign = siblingOf(target, 2 ** 30, 'ffffffff');
  const others = join(root.path, '.y.potter-staging-1-2-3');
  for (const path of [dead, living, foreign, others]) mkdirSync(path);
  generateIn(root.path, 'x');
  expect(readdirSync(root.path)).toEqual(
    [living, foreign, others, 'x'].map((path) => basename(path)).sort(),
  );
});

test.each([
  ['a living process', LIVING, undefined],
  ['another machine', 2 ** 30, 'ffffffff'],
])('a target that %s writes into is left alone, in words', (_whose, pid, host) => {
  using root = temporaryDirectory();
  stagingInside(root.path, pid, host ?? hostOf(root.path));
  const before = treeOf(root.path);
  expect(() => {
    generateIn(root.path, '.');
  }).toThrow(expect.objectContaining({ code: 'TARGET_UNUSABLE', exitCode: 3 }));
  expect(treeOf(root.path)).toEqual(before);
});

test('a dry run leaves what a killed run left as it is, and the real run clears it away', () => {
  using root = temporaryDirectory();
  stagingInside(root.path, 2 ** 30, hostOf(root.path));
  const before = treeOf(root.path);
  generateIn(root.path, '.', nodeDisk, true);
  expect(treeOf(root.path)).toEqual(before);
  generateIn(root.path, '.');
  expect(readdirSync(root.path)).not.toContain('.potter-staging');
  expect(readdirSync(root.path)).toContain('package.json');
});

test('a file is never moved over another', () => {
  using root = temporaryDirectory();
  writeFileSync(join(root.path, 'new'), 'ours');
  writeFileSync(join(root.path, 'taken'), 'mine');
  const before = treeOf(root.path);
  expect(() => {
    nodeDisk.moveFile(join(root.path, 'new'), join(root.path, 'taken'));
  }).toThrow(/EEXIST/u);
  expect(treeOf(root.path)).toEqual(before);
});

test.each([
  ['directory', 'src', 'mine.txt'],
  ['file', 'package.json', undefined],
])(
  'a %s of the project that appears while it is moved in stays, and nothing of the project does',
  (_kind, name, inside) => {
    using root = temporaryDirectory();
    writeFileSync(join(root.path, 'README.md'), 'mine');
    let before: unknown;
    const disk = interruptedDisk((operation, moment) => {
      // The first move after the journal is in place.
      if (before !== undefined || moment !== 'before' || operation !== 'moveFile') return undefined;
      if (inside === undefined) writeFileSync(join(root.path, name), 'mine');
      else {
        mkdirSync(join(root.path, name));
        writeFileSync(join(root.path, name, inside), 'mine');
      }
      before = withoutStaging(treeOf(root.path));
      return undefined;
    });
    expect(() => {
      generateIn(root.path, '.', disk);
    }).toThrow(expect.objectContaining({ exitCode: 3 }));
    expect(before).toBeDefined();
    expect(treeOf(root.path)).toEqual(before);
  },
);

test('the manifest goes in last: where it is, the project is complete', () => {
  using root = temporaryDirectory();
  writeFileSync(join(root.path, 'README.md'), 'mine');
  const moved: string[] = [];
  const recording: Disk = {
    ...nodeDisk,
    rename: (from, to) => {
      moved.push(basename(to));
      nodeDisk.rename(from, to);
    },
    moveFile: (from, to) => {
      moved.push(basename(to));
      nodeDisk.moveFile(from, to);
    },
  };
  generateIn(root.path, '.', recording);
  expect(moved.length).toBeGreaterThan(5);
  expect(moved.at(-1)).toBe('.potter');
});

test.each([false, true])(
  'a target that cannot be written is refused before anything is done (dry run: %s)',
  (dryRun) => {
    using root = temporaryDirectory();
    const disk = interruptedDisk((operation) => {
      throw new Error(`${operation} on a disk that may not be written`);
    });
    expect(() => {
      generateIn(root.path, 'a/x', { ...disk, writable: () => false }, dryRun);
    }).toThrow(expect.objectContaining({ code: 'TARGET_UNUSABLE', exitCode: 3 }));
  },
);

test.each(['EPERM', 'EEXIST', 'EXDEV', 'EBUSY'])(
  'an empty directory that cannot be replaced as a whole (%s) gets its entries one by one',
  (code) => {
    using root = temporaryDirectory();
    const target = join(root.path, 'x');
    mkdirSync(target);
    const disk: Disk = {
      ...nodeDisk,
      rename: (from, to) => {
        if (to === target) throw Object.assign(new Error(code), { code });
        nodeDisk.rename(from, to);
      },
    };
    generateIn(root.path, 'x', disk);
    expect(readdirSync(root.path)).toEqual(['x']);
    expect(readdirSync(target)).toContain('package.json');
    expect(readdirSync(target)).not.toContain('.potter-staging');
  },
);

function withoutStaging(tree: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(tree).filter(([path]) => !path.startsWith('.potter-staging')),
  );
}
