import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HELP_EXAMPLES } from '../../generators/cli/options.ts';
import { templateFiles } from '../../generators/engine/directory-templates.ts';
import { EXAMPLES } from '../../generators/examples/registry.ts';
import { renderExample } from '../../scripts/example-drift.ts';
import { resultOf, runCli, runProcess, type Ending } from '../generators/support/cli.ts';
import { temporaryDirectory, treeOf } from '../generators/support/temporary-directory.ts';
import { binaryIn, installedIn, installGenerator, packedGenerator } from './installed-generator.ts';
import { quickest } from '../support/quickest.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const home = temporaryDirectory();
const real = join(home.path, 'real');
const fixture = join(home.path, 'fixture');
const KIBIBYTE = 1024;

beforeAll(async () => {
  await installGenerator(real, await packedGenerator(join(home.path, 'pack-real'), 'real'));
  await installGenerator(
    fixture,
    await packedGenerator(join(home.path, 'pack-fixture'), 'fixture'),
  );
}, 120_000);

afterAll(() => {
  home[Symbol.dispose]();
});

/** Runs the installed command with nobody at the terminal. */
const command = (
  words: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Ending> =>
  runProcess(binaryIn(fixture), words, {
    cwd,
    env: { PATH: process.env['PATH'], HOME: home.path, ...env },
  });

describe('the published package', () => {
  test('is one package without dependencies or install scripts', () => {
    expect(readdirSync(join(real, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(
      ['create-potter-example'],
    );
    const manifest: unknown = JSON.parse(
      readFileSync(join(installedIn(real), 'package.json'), 'utf8'),
    );
    expect(manifest).not.toHaveProperty('dependencies');
    expect(manifest).not.toHaveProperty('optionalDependencies');
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) {
      expect(manifest).not.toHaveProperty(`scripts.${script}`);
    }
  });

  test('has at most 600 kB unpacked, and only what it needs', () => {
    const files = Object.keys(treeOf(installedIn(real)));
    const bytes = files.reduce(
      (sum, file) => sum + statSync(join(installedIn(real), file)).size,
      0,
    );
    expect(bytes).toBeLessThanOrEqual(600 * KIBIBYTE);
    const chunks = ['shared', ...EXAMPLES.map((example) => example.name)].map(
      (name) => `dist/templates/${name}.cjs`,
    );
    expect(files.filter((file) => !['LICENSE', 'README.md'].includes(file))).toEqual(
      [
        'dist/cli.cjs',
        'dist/create-potter-example.cjs',
        'dist/prompts.cjs',
        'dist/result.schema.json',
        ...chunks,
        'package.json',
      ].sort(),
    );
  });

  test('contains every template of every registered example', () => {
    const load = createRequire(join(installedIn(real), 'package.json'));
    const packed = ['shared', ...EXAMPLES.map((example) => example.name)].flatMap((name) =>
      Object.keys(load(`./dist/templates/${name}.cjs`) as object),
    );
    const folders = new Set(['_partials', '_overlays', ...EXAMPLES.map((example) => example.name)]);
    const expected = templateFiles(join(checkout, 'templates')).filter(
      (file) => file.includes('/') && folders.has(file.split('/', 1)[0] ?? ''),
    );
    expect(packed.sort()).toEqual([...expected].sort());
  });

  test('does not contain the template compiler or plop', () => {
    const bundle = readFileSync(join(installedIn(real), 'dist', 'cli.cjs'), 'utf8');
    expect(bundle.length).toBeGreaterThan(10_000);
    expect(/parseWithoutProcessing|CLOSE_UNESCAPED|inquirer/u.test(bundle)).toBe(false);
  });
});

describe('the launcher', () => {
  const launcher = readFileSync(join(checkout, 'generators', 'cli', 'launcher.cjs'), 'utf8');

  test('has no syntax that Node.js 4 does not know, let alone 12', async () => {
    const newest = await transform(launcher, { target: 'esnext' });
    const oldest = await transform(launcher, { target: 'node4' });
    expect(oldest.code).toBe(newest.code);
    // The comparison would see newer syntax: it is lowered, so the two differ.
    const modern = 'const f = async (a) => a?.b ?? 1;';
    expect((await transform(modern, { target: 'node12' })).code).not.toBe(
      (await transform(modern, { target: 'esnext' })).code,
    );
  });

  test.each(['12.22.12', '18.20.0', '20.18.3', '21.7.0', '22.11.0'])(
    'says in one sentence that Node.js %s is too old',
    async (version) => {
      const disguise = join(home.path, `node-${version}.cjs`);
      writeFileSync(
        disguise,
        `Object.defineProperty(process, 'versions', { value: { node: '${version}' } });`,
      );
      const words = [
        '--require',
        disguise,
        join(installedIn(real), 'dist', 'create-potter-example.cjs'),
      ];
      const said = await runProcess(process.execPath, words, { cwd: home.path });
      expect(said).toEqual({
        code: 2,
        stdout: '',
        stderr: `error: create-potter-example needs Node.js 20.19, 22.12 or newer; this is ${version}.\n`,
      });
      const inJson = await runProcess(process.execPath, [...words, '--json'], { cwd: home.path });
      expect(resultOf(inJson.stdout).error).toMatchObject({
        code: 'UNSUPPORTED_NODE',
        exitCode: 2,
      });
    },
  );
});

test.each(['20.19.0', '20.20.2', '22.12.0', '23.0.0', '26.1.0'])(
  'the launcher starts on Node.js %s',
  async (version) => {
    const disguise = join(home.path, `node-${version}.cjs`);
    writeFileSync(
      disguise,
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`,
    );
    const launcher = join(installedIn(real), 'dist', 'create-potter-example.cjs');
    const words = ['--require', disguise, launcher, '--version'];
    const said = await runProcess(process.execPath, words, { cwd: home.path });
    expect(said).toMatchObject({ code: 0, stderr: '' });
  },
);

describe('the installed command', () => {
  test('writes byte for byte what the checkout writes', async () => {
    using root = temporaryDirectory();
    for (const example of ['fixture-service', 'fixture-library']) {
      const words = [
        example,
        '--no-install',
        '--no-git',
        '--name',
        '@acme/a',
        '--runtime',
        '^1.0.0',
      ];
      const facts = JSON.parse(
        readFileSync(join(installedIn(fixture), 'package.json'), 'utf8'),
      ) as {
        version: string;
      };
      const runtime = JSON.parse(
        readFileSync(join(checkout, 'runtime', 'package.json'), 'utf8'),
      ) as { engines: { node: string } };
      await runCli([...words.slice(0, 1), `${example}-source`, ...words.slice(1)], root.path, {
        facts: {
          generatorVersion: facts.version,
          runtimeVersion: '1.0.0',
          nodeEngines: runtime.engines.node,
        },
      });
      expect(
        (await command([example, `${example}-bundle`, ...words.slice(1)], root.path)).code,
      ).toBe(0);
      expect(treeOf(join(root.path, `${example}-bundle`))).toEqual(
        treeOf(join(root.path, `${example}-source`)),
      );
    }
  });

  test('has in its bundle what the checkout writes of every real example', async () => {
    for (const example of EXAMPLES) {
      using root = temporaryDirectory();
      const words = [example.name, example.name, '--json', '--no-install', '--no-git'];
      const said = await runProcess(binaryIn(real), words, { cwd: root.path });
      expect(resultOf(said.stdout).ok).toBe(true);
      const rendered = renderExample(example, join(checkout, 'templates')).map((file) => [
        file.path,
        Buffer.from(file.bytes).toString('base64'),
      ]);
      expect(treeOf(join(root.path, example.name))).toEqual(Object.fromEntries(rendered));
    }
  });

  test('writes the same bytes in every time zone, locale, directory and umask-independent mode', async () => {
    using root = temporaryDirectory();
    const environments = [
      { TZ: 'UTC', LC_ALL: 'C' },
      { TZ: 'Asia/Kolkata', LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' },
      { TZ: 'America/St_Johns', LANG: 'sv_SE.UTF-8', NO_COLOR: '1', COLUMNS: '20' },
    ];
    const trees: unknown[] = [];
    for (const [index, env] of environments.entries()) {
      const cwd = join(root.path, `Ünïcode ${index}`);
      mkdirSync(cwd);
      const target = `some/where ${index}`;
      const said = await command(
        ['fixture-service', target, '--name', 'same', '--no-install', '--no-git'],
        cwd,
        env,
      );
      expect(said.code).toBe(0);
      trees.push(treeOf(join(cwd, target)));
    }
    expect(Object.keys(trees[0] as object).length).toBeGreaterThan(10);
    expect(trees[1]).toEqual(trees[0]);
    expect(trees[2]).toEqual(trees[0]);
  });

  test.each([
    [['--help'], 0],
    [['--version'], 0],
    [['--list'], 0],
    [[], 4],
    [['--json'], 4],
    [['fixture-service', '--no-install', '--no-git'], 0],
    [['fixture-service', '--dry-run'], 0],
    [['fixture-servise'], 2],
    [['fixture-service', 'x', '--bogus'], 2],
    [['fixture-service', 'x', '--name'], 2],
  ] as const)('with stdin closed, %j answers within 2 s and exits with %i', async (words, code) => {
    const tookMs = await quickest(2_000, async () => {
      using root = temporaryDirectory();
      const started = performance.now();
      const said = await command(words, root.path);
      const took = performance.now() - started;
      expect(said.code).toBe(code);
      expect(said.stdout + said.stderr).not.toBe('');
      return took;
    });
    expect(tookMs).toBeLessThan(2_000);
  });

  test('touches no network, not even a name server', async () => {
    using root = temporaryDirectory();
    const guard = join(root.path, 'guard.cjs');
    const hit = join(root.path, 'hit');
    writeFileSync(
      guard,
      `const deny = (what) => () => { require('fs').appendFileSync(${JSON.stringify(hit)}, what + '\\n'); throw new Error('network: ' + what); };
       require('net').Socket.prototype.connect = deny('connect');
       require('dgram').Socket.prototype.send = deny('send');
       require('dns').lookup = deny('lookup');
       globalThis.fetch = deny('fetch');`,
    );
    const env = { NODE_OPTIONS: `--require ${guard}` };
    for (const words of [
      ['--help'],
      ['--list'],
      ['fixture-service', 'x', '--no-install'],
      ['fixture-service', 'y', '--dry-run', '--json'],
    ]) {
      expect((await command(words, root.path, env)).code).toBe(0);
    }
    expect(existsSync(hit)).toBe(false);
    // The guard guards: the same process setup reports a connection.
    const proof = await runProcess(process.execPath, ['-e', 'require("net").connect(1)'], {
      cwd: root.path,
      env,
    });
    expect(proof.code).not.toBe(0);
    expect(existsSync(hit)).toBe(true);
  });

  test('prints nothing but the result on stdout when asked for JSON', async () => {
    using root = temporaryDirectory();
    const said = await command(['fixture-service', 'x', '--json', '--no-install'], root.path);
    expect(resultOf(said.stdout)).toMatchObject({ ok: true, example: 'fixture-service' });
    expect(said.stderr).toContain('Wrote fixture-service to x');
  });
});

describe('the examples in the help', () => {
  const lines = HELP_EXAMPLES.map((line) => [line] as const);

  test.each(lines)('%s does what it says, in a dry run', async (line) => {
    using root = temporaryDirectory();
    const words = line
      .replace(/^(?:npm create potter-example|npx create-potter-example) /u, '')
      .split(' ');
    expect(words.length).toBeLessThan(line.split(' ').length);
    const said = await runProcess(binaryIn(real), [...words, '--dry-run', '--json'], {
      cwd: root.path,
    });
    expect(resultOf(said.stdout)).toMatchObject({ ok: true, dryRun: true, example: words[0] });
    expect(readdirSync(root.path)).toEqual([]);
  });

  test('npm passes positional arguments on without --, as the first of them needs', () => {
    const [first = ''] = HELP_EXAMPLES;
    expect(first).toMatch(/^npm create potter-example \S+ \S+$/u);
  });
});
