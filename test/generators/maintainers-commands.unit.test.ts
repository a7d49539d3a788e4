import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (file: string): string =>
  readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

/** npm itself runs these. */
const LIFECYCLE = ['prepack'];

const runIn = (text: string): readonly string[] =>
  [...text.matchAll(/\bnpm run (?:-s )?([a-z][\w:-]*)/g)].map(([, name = '']) => name);

test('CONTRIBUTING.md names every script of package.json', () => {
  const text = read('CONTRIBUTING.md');
  const kinds = [...text.matchAll(/ \/ `(test:[\w:-]+)`/g)].map(([, name = '']) => name);
  const named = new Set([...runIn(text), ...kinds.flatMap((name) => name.split('`')), 'test']);
  expect(text).toContain('`npm test`');
  expect(Object.keys(scripts).filter((name) => !named.has(name))).toEqual(LIFECYCLE);
});

test.each([
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'HELD-BACK.md',
  'templates/README.md',
  'docs/errors.md',
  'docs/generator.md',
])('%s names no script that is not there', (file) => {
  // Of a generated project are: what its service is developed and operated with.
  const generated = new Set(['dev', 'migrate', 'sagas']);
  const unknown = runIn(read(file)).filter((name) => !(name in scripts) && !generated.has(name));
  expect(unknown).toEqual([]);
});
