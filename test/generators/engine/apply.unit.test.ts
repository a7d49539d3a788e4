import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GeneratorError } from '../../../generators/engine/generator-error.ts';
import { generate } from '../../../generators/engine/generate.ts';
import { fixtureTemplates } from '../fixtures/examples.ts';
import { errno, interruptedDisk } from '../support/faulty-disk.ts';
import { HARNESS_REQUEST } from '../support/harness-request.ts';
import { temporaryDirectory, treeOf } from '../support/temporary-directory.ts';

function refusal(work: () => unknown): GeneratorError {
  try {
    work();
  } catch (error) {
    if (error instanceof GeneratorError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** Fails the n-th operation that changes the disk, half done where that is possible; returns whether it came to that. */
function generateFailingAt(
  n: number,
  code: string,
  cwd: string,
  directory: string,
): GeneratorError | undefined {
  let count = 0;
  const disk = interruptedDisk((operation, moment) => {
    if (moment === 'half done') throw errno(code);
    if (moment !== 'before' && moment !== 'amid') return undefined;
    if (operation === 'remove') return undefined;
    count += 1;
    if (count !== n) return undefined;
    if (moment === 'amid' && operation === 'write') return 'do half';
    throw errno(code);
  });
  try {
    generate(fixtureTemplates, { ...HARNESS_REQUEST, cwd, directory }, disk);
    return undefined;
  } catch (error) {
    if (error instanceof GeneratorError) return error;
    throw error;
  }
}

test.each(['ENOSPC', 'EACCES', 'EIO'])(
  'a disk that fails with %s at any operation leaves a new target untouched',
  (code) => {
    let failures = 0;
    for (let n = 1; n <= 200; n += 1) {
      using root = temporaryDirectory();
      const error = generateFailingAt(n, code, root.path, 'a/my-orders');
      if (error === undefined) break;
      failures += 1;
      expect(error).toMatchObject({ code: 'TARGET_UNUSABLE', exitCode: 3 });
      expect(error.message).toContain(code);
      expect(readdirSync(root.path)).toEqual([]);
    }
    expect(failures).toBeGreaterThan(30);
  },
);

test.each(['ENOSPC', 'EACCES'])(
  "a disk that fails with %s at any operation leaves the user's repository as it was",
  (code) => {
    let failures = 0;
    for (let n = 1; n <= 200; n += 1) {
      using root = temporaryDirectory();
      mkdirSync(join(root.path, '.github', 'workflows'), { recursive: true });
      writeFileSync(join(root.path, 'README.md'), 'mine\n');
      const before = treeOf(root.path);
      const error = generateFailingAt(n, code, root.path, '.');
      if (error === undefined) break;
      failures += 1;
      expect(error.exitCode).toBe(3);
      expect(treeOf(root.path)).toEqual(before);
    }
    expect(failures).toBeGreaterThan(30);
  },
);

test('a target with foreign files is refused with the list, and nothing is written', () => {
  using root = temporaryDirectory();
  writeFileSync(join(root.path, 'notes.txt'), 'mine');
  mkdirSync(join(root.path, 'src'));
  const error = refusal(() =>
    generate(fixtureTemplates, { ...HARNESS_REQUEST, cwd: root.path, directory: '.' }),
  );
  expect(error).toMatchObject({ code: 'TARGET_NOT_EMPTY', exitCode: 3 });
  expect(error.details['conflicts']).toEqual(['notes.txt', 'src/']);
  expect(readdirSync(root.path)).toEqual(['notes.txt', 'src']);
});

test('what a hosting service puts into a new repository is no conflict and stays byte for byte', () => {
  using root = temporaryDirectory();
  mkdirSync(join(root.path, '.git'));
  writeFileSync(join(root.path, 'readme.md'), 'mine\n');
  writeFileSync(join(root.path, 'LICENSE'), 'mine\n');
  const plan = generate(fixtureTemplates, { ...HARNESS_REQUEST, cwd: root.path, directory: '.' });
  const tree = treeOf(root.path);
  expect(Buffer.from(tree['readme.md'] ?? '', 'base64').toString()).toBe('mine\n');
  expect(tree).not.toHaveProperty('README.md');
  expect(plan.files.filter((file) => file.action === 'keep').map((file) => file.path)).toEqual([
    'README.md',
  ]);
  expect(plan.warnings).toEqual(['README.md was there already and is kept as it is']);
  expect(tree).toHaveProperty('package.json');
});

test.each([
  '.git',
  '.gitlab',
  '.gitignore',
  '.gitattributes',
  '.gitkeep',
  '.editorconfig',
  '.idea',
  '.vscode',
  '.DS_Store',
  'Thumbs.db',
  'README',
  'readme.rst',
  'LICENSE.txt',
  'licence',
])('%s is no conflict, and stays', (name) => {
  using root = temporaryDirectory();
  writeFileSync(join(root.path, name), 'mine\n');
  generate(fixtureTemplates, { ...HARNESS_REQUEST, cwd: root.path, directory: '.' });
  expect(Buffer.from(treeOf(root.path)[name] ?? '', 'base64').toString()).toBe('mine\n');
});

test.each(['lib', 'package.json', '.env', 'readme.1', '.gitx', 'node_modules'])(
  '%s is a conflict',
  (name) => {
    using root = temporaryDirectory();
    writeFileSync(join(root.path, name), '');
    const error = refusal(() =>
      generate(fixtureTemplates, { ...HARNESS_REQUEST, cwd: root.path, directory: '.' }),
    );
    expect(error.details['conflicts']).toEqual([name]);
  },
);

test('a link inside the target is never followed', () => {
  using root = temporaryDirectory();
  using outside = temporaryDirectory();
  symlinkSync(outside.path, join(root.path, '.github'));
  const error = refusal(() =>
    generate(fixtureTemplates, { ...HARNESS_REQUEST, cwd: root.path, directory: '.' }),
  );
  expect(error.code).toBe('TARGET_NOT_EMPTY');
  expect(error.details['conflicts']).toEqual(['.github/workflows/ci.yml']);
  expect(readdirSync(outside.path)).toEqual([]);
});

test('a link to an empty directory is a target like the directory', () => {
  using root = temporaryDirectory();
  mkdirSync(join(root.path, 'real'));
  symlinkSync(join(root.path, 'real'), join(root.path, 'link'));
  generate(fixtureTemplates, { ...HARNESS_REQUEST, cwd: root.path, directory: 'link' });
  expect(readdirSync(join(root.path, 'real'))).toContain('package.json');
  expect(readdirSync(root.path)).toEqual(['link', 'real']);
});

test.each([
  ['a file', 'file'],
  ['a path through a file', 'file/my-orders'],
  ['a link to nothing', 'dangling'],
])('%s is refused as a target', (_what, directory) => {
  using root = temporaryDirectory();
  writeFileSync(join(root.path, 'file'), 'mine');
  symlinkSync(join(root.path, 'nowhere'), join(root.path, 'dangling'));
  const error = refusal(() =>
    generate(fixtureTemplates, { ...HARNESS_REQUEST, cwd: root.path, directory }),
  );
  expect(error).toMatchObject({ code: 'TARGET_UNUSABLE', exitCode: 3 });
});

test('an empty target keeps its permission bits', () => {
  using root = temporaryDirectory();
  mkdirSync(join(root.path, 'my-orders'), { mode: 0o750 });
  generate(fixtureTemplates, { ...HARNESS_REQUEST, cwd: root.path, directory: 'my-orders' });
  expect(statSync(join(root.path, 'my-orders')).mode & 0o777).toBe(0o750);
});

test('a template that begins with #! becomes executable, others do not', () => {
  using root = temporaryDirectory();
  generate(fixtureTemplates, { ...HARNESS_REQUEST, cwd: root.path, directory: 'my-orders' });
  expect(statSync(join(root.path, 'my-orders', 'start.sh')).mode & 0o111).not.toBe(0);
  expect(statSync(join(root.path, 'my-orders', 'Makefile')).mode & 0o111).toBe(0);
});

test('a dry run plans what the real run writes, and writes nothing', () => {
  using root = temporaryDirectory();
  const request = { ...HARNESS_REQUEST, cwd: root.path, directory: 'my-orders' };
  const dry = generate(fixtureTemplates, { ...request, dryRun: true });
  expect(readdirSync(root.path)).toEqual([]);
  const real = generate(fixtureTemplates, request);
  expect(dry).toEqual(real);
  const written = treeOf(join(root.path, 'my-orders'));
  expect(Object.keys(written)).toEqual(real.files.map((file) => file.path));
  for (const file of real.files)
    expect(written[file.path]).toBe(Buffer.from(file.bytes).toString('base64'));
});

test('a directory above the target that appears meanwhile is used, whoever made it', () => {
  using root = temporaryDirectory();
  let made = false;
  const disk = interruptedDisk((operation, moment) => {
    if (operation !== 'rename' || moment !== 'before' || made) return undefined;
    made = true;
    mkdirSync(join(root.path, 'demo', 'other'), { recursive: true });
    return undefined;
  });
  generate(fixtureTemplates, { ...HARNESS_REQUEST, cwd: root.path, directory: 'demo/mine' }, disk);
  expect(made).toBe(true);
  expect(readdirSync(root.path)).toEqual(['demo']);
  expect(readdirSync(join(root.path, 'demo')).toSorted()).toEqual(['mine', 'other']);
  expect(readdirSync(join(root.path, 'demo', 'mine'))).toContain('package.json');
});
