import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli, resultOf } from '../support/cli.ts';
import { temporaryDirectory, treeOf } from '../support/temporary-directory.ts';

const OFFLINE = ['--no-install', '--no-git'];

test('--json prints one object with the hash of every written file', async () => {
  using root = temporaryDirectory();
  const { code, stdout } = await runCli(['fixture-service', 'x', '--json', ...OFFLINE], root.path);
  const result = resultOf(stdout);
  expect(code).toBe(0);
  expect(stdout.trim().split('\n')).toHaveLength(1);
  expect(result).toMatchObject({
    ok: true,
    example: 'fixture-service',
    dir: join(root.path, 'x'),
    options: {
      name: 'x',
      packageName: 'x',
      packageManager: 'npm',
      runtime: '^4.5.6',
      install: false,
      git: false,
    },
    next: ['cd x', 'npm install', 'npm run dev'],
  });
  expect(result.files.map((file) => file.path)).toEqual(Object.keys(treeOf(join(root.path, 'x'))));
});

test('a dry run answers as the real run does and writes nothing', async () => {
  using root = temporaryDirectory();
  const dry = resultOf(
    (await runCli(['fixture-library', 'x', '--json', '--dry-run', ...OFFLINE], root.path)).stdout,
  );
  expect(readdirSync(root.path)).toEqual([]);
  const real = resultOf(
    (await runCli(['fixture-library', 'x', '--json', ...OFFLINE], root.path)).stdout,
  );
  expect(dry.files).toEqual(real.files);
  expect(dry).toMatchObject({ dryRun: true, options: real.options, dir: real.dir });
});

test('the printed command, run again elsewhere, makes the same project', async () => {
  using root = temporaryDirectory();
  const first = await runCli(
    [
      'fixture-service',
      'my dir',
      '--name',
      '@acme/orders',
      '--package-manager',
      'pnpm',
      '--runtime',
      '^9.0.0',
      ...OFFLINE,
    ],
    root.path,
  );
  const line = /without questions:\n {2}create (?<words>.*)\n/u.exec(first.stdout)?.groups?.[
    'words'
  ];
  expect(line).toBe(
    "fixture-service 'my dir' --name @acme/orders --package-manager pnpm --runtime ^9.0.0 --no-install --no-git",
  );
  using elsewhere = temporaryDirectory();
  const words = (line ?? '')
    .replace("'my dir'", 'my_dir')
    .split(' ')
    .map((word) => word.replace('my_dir', 'my dir'));
  expect((await runCli(words, elsewhere.path)).code).toBe(0);
  expect(treeOf(elsewhere.path)).toEqual(treeOf(root.path));
});

async function dirOf(...words: readonly string[]): Promise<string | null> {
  const dry = ['fixture-service', ...words, '--dry-run', '--json'];
  return resultOf((await runCli(dry, '/')).stdout).dir;
}

test('without a directory the project goes where --name says, else where the example says', async () => {
  expect(await dirOf('--name', '@acme/orders')).toBe('/orders');
  expect(await dirOf()).toBe('/fixture-service');
});

async function firstToType(directory: string): Promise<string | undefined> {
  const words = ['fixture-service', directory, '--name', 'a', '--json', ...OFFLINE];
  using root = temporaryDirectory();
  return resultOf((await runCli(words, root.path)).stdout).next[0];
}

test('what to type next can be typed, whatever the directory is called', async () => {
  expect(await firstToType("it's $HOME")).toBe(String.raw`cd 'it'\''s $HOME'`);
  expect(await firstToType('~x')).toBe("cd '~x'");
  expect(await firstToType('.')).toBe('npm install');
});

test('--list names every example, in words and in JSON', async () => {
  const said = await runCli(['--list'], '/');
  expect(said.stdout).toMatch(
    /^fixture-service {2}A service small enough for tests\.\nfixture-library {2}An example/u,
  );
  expect(resultOf((await runCli(['--list', '--json'], '/')).stdout)).toMatchObject({
    command: 'list',
    examples: [
      { name: 'fixture-service', features: ['service', 'postgres'] },
      { name: 'fixture-library' },
    ],
  });
});

test('the package manager is the one that started the command unless one is given', async () => {
  using root = temporaryDirectory();
  const env = { npm_config_user_agent: 'pnpm/10.1.0 npm/? node/v22.12.0' };
  const result = await runCli(['fixture-service', '--dry-run', '--json'], root.path, { env });
  expect(resultOf(result.stdout).options?.packageManager).toBe('pnpm');
});
