import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const text = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
const named = new Set([...text.matchAll(/`([^`]+\.ts)`/g)].map(([, path = '']) => path));

test('every test that the table names is there, and every test of the generator stands in it', () => {
  const tests = join(import.meta.dirname, '..');
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && name !== 'readme.unit.test.ts')
    .map((name) => `generators/${name.replaceAll('\\', '/')}`);
  expect(files.length).toBeGreaterThan(10);
  expect([...named].filter((path) => !existsSync(join(tests, path)))).toEqual([]);
  expect(files.filter((file) => !named.has(file))).toEqual([]);
});
