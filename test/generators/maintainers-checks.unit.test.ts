import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { regenerate } from '../../scripts/regenerate.ts';
import { strayAddresses } from '../../scripts/stray-addresses.ts';
import { EXAMPLES, FIXTURE_TEMPLATES, fixtureService } from './fixtures/examples.ts';
import { runProcess, type Ending } from './support/cli.ts';
import { temporaryDirectory, treeOf } from './support/temporary-directory.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

/** Checked-in examples in a repository of their own, freshly regenerated, and what is said of them. */
function checkedIn(): {
  readonly path: string;
  readonly check: (examples?: typeof EXAMPLES) => readonly [number, readonly string[]];
  readonly rewrite: () => number;
} & Disposable {
  const root = temporaryDirectory();
  execFileSync('git', ['init', '-q'], { cwd: root.path });
  const generated = join(root.path, 'generated-examples');
  mkdirSync(generated);
  const common = { known: EXAMPLES, templates: FIXTURE_TEMPLATES, generated };
  const rewrite = (): number =>
    regenerate({ ...common, examples: EXAMPLES, check: false, say: () => undefined });
  expect(rewrite()).toBe(0);
  return {
    path: generated,
    rewrite,
    check: (examples = EXAMPLES) => {
      const said: string[] = [];
      const say = (line: string): void => {
        said.push(line);
      };
      return [regenerate({ ...common, examples, check: true, say }), said];
    },
    [Symbol.dispose]: () => {
      root[Symbol.dispose]();
    },
  };
}

test('examples that are what their templates write pass the check', () => {
  using examples = checkedIn();
  expect(examples.check()).toEqual([
    0,
    ['2 examples checked, 0 files differ from their templates.'],
  ]);
});

test.skipIf(process.platform === 'win32')(
  'a file that lost or gained its executable bit differs, on systems that have one, and is given back what it had',
  () => {
    using examples = checkedIn();
    const folder = join(examples.path, 'fixture-service');
    chmodSync(join(folder, 'start.sh'), 0o644);
    chmodSync(join(folder, 'src', 'main.ts'), 0o755);
    const [code, said] = examples.check();
    expect(code).toBe(1);
    expect(said).toEqual([
      expect.stringContaining('src/main.ts differs'),
      expect.stringContaining('start.sh differs'),
      expect.stringContaining('2 files differ'),
    ]);
    examples.rewrite();
    expect(examples.check()[0]).toBe(0);
  },
);

test('a difference fails the check, is not repaired by it, and names file, template and remedy', () => {
  using examples = checkedIn();
  appendFileSync(join(examples.path, 'fixture-service', 'src', 'main.ts'), '\n');
  rmSync(join(examples.path, 'fixture-service', 'Makefile'));
  writeFileSync(join(examples.path, 'fixture-service', 'extra.ts'), '');
  const before = treeOf(examples.path);
  expect(examples.check()).toEqual([
    1,
    [
      'generated-examples/fixture-service/Makefile is missing; it comes from templates/_overlays/service/Makefile.hbs',
      'generated-examples/fixture-service/src/main.ts differs; it comes from templates/fixture-service/src/main.ts.hbs',
      'generated-examples/fixture-service/extra.ts comes from no template',
      '2 examples checked, 3 files differ from their templates. Fix: npm run regenerate',
    ],
  ]);
  expect(treeOf(examples.path)).toEqual(before);
  expect(examples.rewrite()).toBe(0);
  expect(examples.check()[0]).toBe(0);
});

test('a check of nothing is no success', () => {
  using examples = checkedIn();
  expect(examples.check([])).toEqual([1, ['no example is registered']]);
});

test('an example that is checked in and not registered fails the check', () => {
  using examples = checkedIn();
  mkdirSync(join(examples.path, 'left-behind'));
  expect(examples.check([fixtureService])).toEqual([
    1,
    [
      'generated-examples/left-behind comes from no example of the registry: remove it',
      '1 examples checked, 0 files differ from their templates.',
    ],
  ]);
});

/** Runs a script of the maintainers with programs of that name in place of the real ones. */
async function runScript(
  script: string,
  programs: Readonly<Record<string, string>>,
  words: readonly string[] = [],
): Promise<Ending> {
  using root = temporaryDirectory();
  for (const [name, body] of Object.entries(programs))
    writeFileSync(join(root.path, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const env = { ...process.env, PATH: `${root.path}:/usr/bin:/bin` };
  const line = ['--import', 'tsx', join(checkout, 'scripts', script), ...words];
  return await runProcess(process.execPath, line, { cwd: checkout, env });
}

test.each([
  ['Finished in 1s on 900 files with 9 rules.', 0, 0],
  ['Finished in 1s on 0 files with 9 rules.', 0, 1],
  ['Finished in 1s on 12 files with 9 rules.', 0, 1],
  ['', 0, 1],
  ['Finished in 1s on 900 files with 9 rules.', 1, 1],
])('a linter that says %j and exits with %i makes lint exit with %i', async (says, exit, code) => {
  const said = await runScript('lint.ts', { oxlint: `echo '${says}'\nexit ${exit}` });
  expect(said.code).toBe(code);
  expect(said.stdout).toContain(says);
});

test.each([
  ['no engine answers', { docker: 'echo no daemon >&2; exit 1' }, 1, /none answers: no daemon/u],
  ['the tests pass', { docker: 'exit 0', npm: 'exit 0' }, 0, /1 passed, 0 failed/u],
  ['a test fails', { docker: 'exit 0', npm: 'exit 3' }, 1, /0 passed, 1 failed: saga-order/u],
] as const)('verify:compose, where %s', async (_when, programs, code, says) => {
  const said = await runScript('verify-compose.ts', programs, ['saga-order']);
  expect(said.code).toBe(code);
  expect(said.stdout + said.stderr).toMatch(says);
});

test('the lockfile of this checkout names no registry and no place of a machine', () => {
  const lockfile = readFileSync(join(checkout, 'package-lock.json'), 'utf8');
  expect(lockfile.length).toBeGreaterThan(100_000);
  expect(strayAddresses(lockfile)).toEqual([]);
});

test.each([
  ['https://packages.example/a/-/a-1.0.0.tgz', true],
  ['git+ssh://git@host.example/a.git', true],
  ['file:/elsewhere/a.tgz', true],
  ['/elsewhere/a', true],
  ['../outside', true],
  ['file:vendor/potter-runtime-0.1.0.tgz', false],
  ['runtime', false],
])('%s in a lockfile serves only this machine: %s', (resolved, stray) => {
  const lockfile = { packages: { 'node_modules/a': { resolved, integrity: 'sha512-a' } } };
  expect(strayAddresses(JSON.stringify(lockfile))).toEqual(stray ? [resolved] : []);
});
