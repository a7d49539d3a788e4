import { isAbsolute, resolve, sep } from 'node:path';
import { array, assert as check, constantFrom, oneof, property, string as text } from 'fast-check';
import { expect, test } from 'vitest';
import {
  assertNoCollisions,
  assertOutputPath,
  outputPathOf,
} from '../../../generators/engine/output-path.ts';

const accepted = (path: string): boolean => {
  try {
    assertOutputPath(path);
    return true;
  } catch {
    return false;
  }
};

test.each([
  '',
  '.',
  '..',
  '../a',
  'a/../../b',
  'a/./b',
  '/a',
  '//a',
  'a//b',
  'a/',
  '\\a',
  'a\\..\\b',
  'C:/a',
  'c:a',
  'a\0b',
  'a\nb',
  '%2e%2e/a',
  'a/%2F/b',
  'a%5cb',
  'con',
  'src/CON.ts',
  'aux',
  'Nul.txt',
  'com1',
  'LPT9.log',
  'COM¹',
  'conin$',
  'a.',
  'a ',
  'a./b',
  'a*b',
  'a?b',
  'a|b',
  '<a>',
  '"a"',
  'a:b',
  'x'.repeat(201),
  `${'ab/'.repeat(80)}c`,
])('the output path %j is refused', (path) => {
  expect(accepted(path)).toBe(false);
});

test.each([
  'a',
  '.gitignore',
  '.github/workflows/ci.yml',
  'src/a..b.ts',
  'console.ts',
  'src/[id].ts',
  'com10',
  'a b',
])('the output path %j is accepted', (path) => {
  expect(accepted(path)).toBe(true);
});

const hostile = array(
  oneof(
    constantFrom(
      '..',
      '.',
      '',
      '/',
      '\\',
      'C:',
      '\0',
      '%2e%2e',
      '%2f',
      'con',
      'a',
      '~',
      '._',
      '__',
      ' ',
      '.hbs',
      '‥',
      '．．',
    ),
    text({ maxLength: 6, unit: 'binary' }),
  ),
  { maxLength: 8 },
);

test('no accepted path leaves the target, whatever it is made of', () => {
  const target = resolve('/tmp/target');
  check(
    property(hostile, constantFrom('/', '\\', ''), (parts, separator) => {
      const path = outputPathOf(parts.join(separator));
      if (!accepted(path)) return;
      expect(isAbsolute(path)).toBe(false);
      expect(resolve(target, ...path.split('/')).startsWith(target + sep)).toBe(true);
      // Windows splits at both slashes, whatever this machine does.
      expect(path.split(/[\\/]/u)).not.toContain('..');
      expect(path).not.toMatch(/^[a-z]:/iu);
    }),
    { numRuns: 5_000 },
  );
});

test.each([
  [['README.md', 'readme.md']],
  [['src/a.ts', 'Src/b.ts']],
  [['a', 'a/b']],
  [['a/b', 'A']],
  [['caf\u00E9.md', 'cafe\u0301.md']],
])('%j would be one file somewhere and is refused', (paths) => {
  expect(() => {
    assertNoCollisions(paths);
  }).toThrow(/collide/u);
});
