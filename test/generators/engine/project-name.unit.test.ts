import { assert as check, property, string as text } from 'fast-check';
import { expect, test } from 'vitest';
import {
  packageNameProblem,
  projectNameFromDirectory,
  projectNameFromOption,
} from '../../../generators/engine/project-name.ts';
import { portableNameProblem } from '../../../generators/engine/output-path.ts';

test.each([
  ['my-orders', 'my-orders'],
  ['My Orders', 'my-orders'],
  ['myOrders_2', 'my-orders-2'],
  ['Übung', 'ubung'],
  ['.hidden', 'hidden'],
])('the directory %j names the project %s', (directory, name) => {
  expect(projectNameFromDirectory(directory)).toEqual({ name, packageName: name });
});

test.each([
  'con',
  'CON',
  'aux',
  'nul',
  'com1',
  'LPT3',
  '日本',
  '...',
  'http',
  'fs',
  'x'.repeat(64),
])('the directory %j cannot name a project', (directory) => {
  expect(() => projectNameFromDirectory(directory)).toThrow(/directory name/u);
});

test('a scoped name is kept for npm and shortened for everything else', () => {
  expect(projectNameFromOption('@acme/my.orders')).toEqual({
    name: 'my-orders',
    packageName: '@acme/my.orders',
  });
});

test.each([
  '',
  ' ',
  'My-Orders',
  '.a',
  '_a',
  'a b',
  'a/b',
  '@acme',
  '@acme/',
  '@/a',
  '@acme/a/b',
  '../a',
  'a%2fb',
  'a"b',
  'a\n',
  'con',
  '@acme/con',
  'node_modules',
  'favicon.ico',
  'stream',
  '日本',
  '---',
  'x'.repeat(215),
  'aux.1',
  "a'b",
  'a\0b',
  '$(id)',
  'a;b',
])('--name %j is refused', (name) => {
  expect(() => projectNameFromOption(name)).toThrow(/--name/u);
});

test('a proposed name is one that would be accepted', () => {
  const proposed = expect.objectContaining({
    code: 'INVALID_NAME',
    exitCode: 2,
    hint: 'Choose another, for example --name my-orders.',
  });
  expect(() => projectNameFromOption('My Orders')).toThrow(proposed);
  expect(projectNameFromOption('my-orders').name).toBe('my-orders');
});

test('whatever the directory is called, the name is safe everywhere or refused', () => {
  check(
    property(text({ unit: 'binary', maxLength: 80 }), (directory) => {
      let name: string;
      try {
        name = projectNameFromDirectory(directory).name;
      } catch {
        return;
      }
      expect(name).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/u);
      expect(packageNameProblem(name)).toBeUndefined();
      expect(portableNameProblem(name)).toBeUndefined();
      expect(name.length).toBeLessThanOrEqual(63);
    }),
    { numRuns: 3_000 },
  );
});
