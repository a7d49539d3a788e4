import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const tests = join(import.meta.dirname, '../..');
const text = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
const rows = text.split('\n').filter((line) => line.startsWith('| ') && line.includes('`'));
const pathsOf = (row: string): readonly string[] =>
  [...row.matchAll(/`([^`]+\.ts)`/g)].map(([, path = '']) =>
    path.startsWith('rules/') ? `runtime/sagas/${path}` : path,
  );

test('every promise of the table names tests, and all of them are there', () => {
  expect(rows.length).toBeGreaterThan(40);
  expect(rows.filter((row) => pathsOf(row).length === 0)).toEqual([]);
  expect(rows.flatMap(pathsOf).filter((path) => !existsSync(join(tests, path)))).toEqual([]);
});

test('every file of rules stands in the table', () => {
  const rules = readdirSync(join(import.meta.dirname, 'rules'));
  const named = new Set(rows.flatMap(pathsOf));
  expect(
    rules.filter((name) => name !== 'all-rules.ts' && !named.has(`runtime/sagas/rules/${name}`)),
  ).toEqual([]);
});
