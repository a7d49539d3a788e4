import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { expect, test } from 'vitest';
import { driftOf, writeExample } from '../../scripts/example-drift.ts';
import { FIXTURE_TEMPLATES, fixtureService } from './fixtures/examples.ts';
import { temporaryDirectory, treeOf } from './support/temporary-directory.ts';

/** A checked-in example in a repository of its own, freshly regenerated. */
function checkedIn(): { readonly directory: string } & Disposable {
  const root = temporaryDirectory();
  execFileSync('git', ['init', '-q'], { cwd: root.path });
  const directory = join(root.path, 'fixture-service');
  writeExample(directory, driftOf(fixtureService, FIXTURE_TEMPLATES, directory));
  return { directory, [Symbol.dispose]: () => root[Symbol.dispose]() };
}

const drift = (directory: string): readonly (readonly [string, string, string | undefined])[] =>
  driftOf(fixtureService, FIXTURE_TEMPLATES, directory).map(({ kind, path, template }) => [
    kind,
    path,
    template,
  ]);

test('a regenerated example does not differ', () => {
  using example = checkedIn();
  expect(drift(example.directory)).toEqual([]);
  expect(Object.keys(treeOf(example.directory)).length).toBeGreaterThan(10);
});

test('an edited, a missing and a surplus file are named, with the template they come from', () => {
  using example = checkedIn();
  appendFileSync(join(example.directory, 'src', 'main.ts'), '\n');
  rmSync(join(example.directory, 'Makefile'));
  writeFileSync(join(example.directory, 'src', 'extra.ts'), '');
  expect(drift(example.directory)).toEqual([
    ['missing', 'Makefile', 'templates/_overlays/service/Makefile.hbs'],
    ['different', 'src/main.ts', 'templates/fixture-service/src/main.ts.hbs'],
    ['surplus', 'src/extra.ts', undefined],
  ]);
});

test('regenerating repairs every difference', () => {
  using example = checkedIn();
  const before = treeOf(example.directory);
  appendFileSync(join(example.directory, 'src', 'main.ts'), '\n');
  rmSync(join(example.directory, 'Makefile'));
  writeFileSync(join(example.directory, 'src', 'extra.ts'), '');
  chmodSync(join(example.directory, 'start.sh'), 0o644);
  writeExample(example.directory, driftOf(fixtureService, FIXTURE_TEMPLATES, example.directory));
  expect(treeOf(example.directory)).toEqual(before);
  expect(drift(example.directory)).toEqual([]);
});

test('what is installed, built or ignored is no difference', () => {
  using example = checkedIn();
  for (const folder of ['node_modules/x', 'dist']) {
    mkdirSync(join(example.directory, folder), { recursive: true });
    writeFileSync(join(example.directory, folder, 'file.js'), '');
  }
  expect(drift(example.directory)).toEqual([]);
});

test('another compression of the same snapshot is no difference, another text is', () => {
  using example = checkedIn();
  const path = join(example.directory, '.potter', 'base.json.br');
  const text = brotliDecompressSync(readFileSync(path)).toString();
  const params = { [constants.BROTLI_PARAM_QUALITY]: 1 };
  writeFileSync(path, brotliCompressSync(text, { params }));
  expect(drift(example.directory)).toEqual([]);
  writeFileSync(path, brotliCompressSync(text.replace('Fixture service', 'Other')));
  expect(drift(example.directory)).toEqual([['different', '.potter/base.json.br', undefined]]);
});

test('--check on an example that does not exist names those that do', () => {
  const words = ['--import', 'tsx', 'scripts/regenerate.ts', '--check', 'nonsense'];
  expect(() => execFileSync(process.execPath, words, { stdio: 'pipe' })).toThrow(
    /there is no example "nonsense"; there are/u,
  );
});
