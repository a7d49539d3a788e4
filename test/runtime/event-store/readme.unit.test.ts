import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const tests = join(import.meta.dirname, '../..');
const text = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
const rows = text.split('\n').filter((line) => line.startsWith('| ') && line.includes('`'));
const pathsOf = (row: string): readonly string[] =>
  [...row.matchAll(/`([^`]+\.ts)`/g)].map(([, path = '']) =>
    path.replace(/^contract\//, '../runtime/src/testing/contracts/'),
  );
const named = new Set(rows.flatMap(pathsOf));

test('every promise of the table names tests, and all of them are there', () => {
  expect(rows.length).toBeGreaterThan(20);
  expect(rows.filter((row) => pathsOf(row).length === 0)).toEqual([]);
  expect([...named].filter((path) => !existsSync(join(tests, path)))).toEqual([]);
});

test('every file of tests of the event store, of aggregates and of snapshots stands in the table', () => {
  const folders = [
    'runtime/postgres/event-store',
    'runtime/aggregates',
    'runtime/snapshots',
    'runtime/event-store',
  ];
  const files = folders.flatMap((folder) =>
    readdirSync(join(tests, folder))
      .filter((name) => name.endsWith('.test.ts') && name !== 'readme.unit.test.ts')
      .map((name) => `${folder}/${name}`),
  );
  expect(files.length).toBeGreaterThan(15);
  expect(files.filter((file) => !named.has(file))).toEqual([]);
});
