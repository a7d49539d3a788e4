import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import './rules/all-rules.ts';

test('every rule is tried on every back end', async () => {
  const folder = join(import.meta.dirname, 'rules');
  const imported = await readFile(join(folder, 'all-rules.ts'), 'utf8');
  const rules = (await readdir(folder)).filter((name) => name !== 'all-rules.ts');
  expect(rules.filter((name) => !imported.includes(`'./${name}'`))).toEqual([]);
});
