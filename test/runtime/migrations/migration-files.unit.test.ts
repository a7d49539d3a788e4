import { writeFile, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createMigration } from '../../../runtime/src/migrations/create-migration.ts';
import { listMigrations, readMigration } from '../../../runtime/src/migrations/migration-file.ts';
import { migrationFolder } from './migration-folder.ts';

test('a new migration is numbered by the time and has both sections', async () => {
  await using folder = await migrationFolder();
  const path = await createMigration(
    join(folder.path, 'made', 'on', 'demand'),
    'add_email',
    new Date('2026-11-23T22:59:30.123Z'),
  );
  expect(path).toBe(join(folder.path, 'made', 'on', 'demand', '20261123225930_add_email.sql'));
  const [file] = await listMigrations([], join(folder.path, 'made', 'on', 'demand'));
  expect(file?.name).toBe('20261123225930_add_email');
  expect(await readFile(path, 'utf8')).toMatch(/^-- Up Migration\n[^]*\n-- Down Migration\n/);
});

test.each([
  '../../etc/passwd',
  'a/b',
  String.raw`a\b`,
  'a b',
  "x'; DROP TABLE y; --",
  '',
  '.',
  '-rf',
  'a\nb',
  'naïve',
  'x'.repeat(81),
])('%j is refused as a name, and nothing is written', async (name) => {
  await using folder = await migrationFolder();
  await expect(createMigration(folder.path, name)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
  expect(await readdir(folder.path)).toEqual([]);
});

test('an existing file is never overwritten', async () => {
  await using folder = await migrationFolder();
  const now = new Date(0);
  await createMigration(folder.path, 'same', now);
  await expect(createMigration(folder.path, 'same', now)).rejects.toThrow(/EEXIST/);
});

test('a folder that is not there holds no migrations', async () => {
  expect(await listMigrations([], '/no/such/folder')).toEqual([]);
});

test('notes and hidden files are left alone', async () => {
  await using folder = await migrationFolder();
  await writeFile(join(folder.path, 'README.md'), 'notes');
  await writeFile(join(folder.path, '.gitkeep'), '');
  expect(await listMigrations([], folder.path)).toEqual([]);
});

test.each(['first.sql', "1_x';drop.sql", '1.sql', '2_code.ts', '3_code.mjs'])(
  'a file named %s is reported by name',
  async (fileName) => {
    await using folder = await migrationFolder();
    await folder.write(fileName, 'SELECT 1;');
    await expect(listMigrations([], folder.path)).rejects.toMatchObject({
      code: 'MIGRATION_FAILED',
      message: expect.stringContaining(fileName),
    });
  },
);

test('sections may come without a down part, but not without an up part', async () => {
  await using folder = await migrationFolder();
  await folder.write('1_up_only.sql', 'SELECT 1;');
  await writeFile(join(folder.path, '2_nothing.sql'), 'SELECT 1;\n');
  const [first, second] = await listMigrations([], folder.path);
  if (first === undefined || second === undefined) throw new Error('two files were written');
  expect(await readMigration(first)).toMatchObject({ down: undefined, up: { firstLine: 1 } });
  await expect(readMigration(second)).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
});
