import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Questions } from '../../../generators/prompts/questions.ts';
import { resultOf, runCli } from '../support/cli.ts';
import { temporaryDirectory, treeOf } from '../support/temporary-directory.ts';

const OFFLINE = ['--no-install', '--no-git'];

interface Failure {
  readonly words: readonly string[];
  readonly exit: number;
  readonly code: string;
  readonly says: RegExp;
}

const FAILURES: readonly Failure[] = [
  {
    words: ['fixture-service', 'x', '--jsn'],
    exit: 2,
    code: 'UNKNOWN_OPTION',
    says: /--jsn.*\n.*Did you mean --json\? Options: --list/u,
  },
  {
    words: ['fixture-service', 'x', '--no-instal'],
    exit: 2,
    code: 'UNKNOWN_OPTION',
    says: /Did you mean --no-install\?/u,
  },
  { words: ['fixture-service', 'x', '-q'], exit: 2, code: 'UNKNOWN_OPTION', says: /-q/u },
  {
    words: ['fixture-servise', 'x'],
    exit: 2,
    code: 'UNKNOWN_EXAMPLE',
    says: /Did you mean fixture-service\? Examples: fixture-service, fixture-library/u,
  },
  {
    words: ['service', 'x'],
    exit: 2,
    code: 'UNKNOWN_EXAMPLE',
    says: /Did you mean fixture-service\?/u,
  },
  {
    words: ['../fixture-service', 'x'],
    exit: 2,
    code: 'UNKNOWN_EXAMPLE',
    says: /there is no example/u,
  },
  { words: ['', 'x'], exit: 2, code: 'UNKNOWN_EXAMPLE', says: /there is no example ""/u },
  {
    words: ['fixture-service', 'x', 'y'],
    exit: 2,
    code: 'TOO_MANY_ARGUMENTS',
    says: /too many arguments/u,
  },
  {
    words: ['fixture-service', 'x', '--name'],
    exit: 2,
    code: 'INVALID_OPTION',
    says: /--name <package>/u,
  },
  {
    words: ['fixture-service', 'x', '--name', 'con'],
    exit: 2,
    code: 'INVALID_NAME',
    says: /device name/u,
  },
  { words: ['fixture-service', 'con'], exit: 2, code: 'INVALID_NAME', says: /device name/u },
  { words: ['fixture-service', 'a/aux/b'], exit: 2, code: 'INVALID_NAME', says: /"aux"/u },
  {
    words: ['fixture-service', 'a:b', '--name', 'ab'],
    exit: 2,
    code: 'INVALID_NAME',
    says: /":"/u,
  },
  {
    words: ['fixture-service', 'a\0b', '--name', 'ab'],
    exit: 3,
    code: 'TARGET_UNUSABLE',
    says: /NUL/u,
  },
  {
    words: ['fixture-service', 'x'.repeat(300), '--name', 'ab'],
    exit: 2,
    code: 'INVALID_NAME',
    says: /longer than/u,
  },
  {
    words: ['fixture-service', 'x', '--package-manager', 'pnmp'],
    exit: 2,
    code: 'INVALID_OPTION',
    says: /npm, pnpm, yarn, bun\nDid you mean pnpm\?/u,
  },
  {
    words: ['fixture-service', 'x', '--runtime', './nowhere.tgz'],
    exit: 2,
    code: 'INVALID_RUNTIME',
    says: /ENOENT/u,
  },
  {
    words: ['fixture-service', 'x', '--runtime', '"; rm -rf'],
    exit: 2,
    code: 'INVALID_RUNTIME',
    says: /neither a version/u,
  },
  {
    words: ['fixture-service', 'x', '--runtime', 'no-tarball.tgz'],
    exit: 2,
    code: 'INVALID_RUNTIME',
    says: /not a gzipped tarball/u,
  },
  {
    words: ['fixture-service', '.'],
    exit: 3,
    code: 'TARGET_NOT_EMPTY',
    says: /in the way: no-tarball\.tgz/u,
  },
  {
    words: ['fixture-service', 'no-tarball.tgz', '--name', 'ab'],
    exit: 3,
    code: 'TARGET_UNUSABLE',
    says: /is a file/u,
  },
  { words: [], exit: 4, code: 'ANSWER_NEEDED', says: /first argument\nExamples: fixture-service/u },
  { words: ['--yes'], exit: 4, code: 'ANSWER_NEEDED', says: /which example/u },
];

test.each(FAILURES)(
  '$words exits with $exit, in words and in JSON, and writes nothing',
  async ({ words, exit, code, says }) => {
    using root = temporaryDirectory();
    writeFileSync(join(root.path, 'no-tarball.tgz'), 'plain text');
    const said = await runCli([...words, ...OFFLINE], root.path);
    expect(said).toMatchObject({ code: exit, stdout: '' });
    expect(said.stderr).toMatch(says);
    expect(said.stderr).not.toMatch(/\n {4}at /u);

    const inJson = await runCli([...words, ...OFFLINE, '--json'], root.path);
    expect(inJson.code).toBe(exit);
    expect(resultOf(inJson.stdout)).toMatchObject({ ok: false, error: { code, exitCode: exit } });
    expect(readdirSync(root.path)).toEqual(['no-tarball.tgz']);
  },
);

test('a second run into the same directory is refused', async () => {
  using root = temporaryDirectory();
  expect((await runCli(['fixture-service', 'x', ...OFFLINE], root.path)).code).toBe(0);
  const before = treeOf(root.path);
  expect((await runCli(['fixture-service', 'x', ...OFFLINE], root.path)).code).toBe(3);
  expect(treeOf(root.path)).toEqual(before);
});

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

test('a git repository with a first commit is made, and none inside another repository', async () => {
  using root = temporaryDirectory();
  const env = {
    PATH: process.env['PATH'],
    HOME: root.path,
    GIT_AUTHOR_NAME: 'A',
    GIT_AUTHOR_EMAIL: 'a@example.com',
    GIT_COMMITTER_NAME: 'A',
    GIT_COMMITTER_EMAIL: 'a@example.com',
    GIT_DIR: '/nonexistent',
  };
  const git = (...words: string[]): string =>
    execFileSync('git', words, {
      cwd: join(root.path, 'outer'),
      env: { PATH: env.PATH, HOME: root.path },
      encoding: 'utf8',
    });
  await runCli(['fixture-service', 'outer', '--no-install'], root.path, { env });
  expect(git('log', '--format=%s')).toBe(
    'Create fixture-service with create-potter-example 1.2.3\n',
  );
  expect(git('status', '--porcelain')).toBe('');
  const inner = await runCli(['fixture-service', 'outer/inner', '--no-install'], root.path, {
    env,
  });
  expect(inner).toMatchObject({ code: 0, stderr: '' });
  expect(readdirSync(join(root.path, 'outer', 'inner'))).not.toContain('.git');
});

test.each([0, 7])('the first commit has what an install that exits with %i wrote', async (exit) => {
  using root = temporaryDirectory();
  mkdirSync(join(root.path, 'bin'));
  const script = `#!/bin/sh\necho '{}' > package-lock.json\nexit ${exit}\n`;
  writeFileSync(join(root.path, 'bin', 'npm'), script, { mode: 0o755 });
  const env = {
    PATH: `${join(root.path, 'bin')}:${process.env['PATH'] ?? ''}`,
    HOME: root.path,
    GIT_AUTHOR_NAME: 'A',
    GIT_AUTHOR_EMAIL: 'a@example.com',
    GIT_COMMITTER_NAME: 'A',
    GIT_COMMITTER_EMAIL: 'a@example.com',
  };
  const { code } = await runCli(['fixture-service', 'x'], root.path, { env });
  expect(code).toBe(exit === 0 ? 0 : 5);
  const git = (...words: string[]): string =>
    execFileSync('git', words, { cwd: join(root.path, 'x'), env, encoding: 'utf8' });
  expect(git('ls-files').split('\n')).toContain('package-lock.json');
  expect(git('status', '--porcelain')).toBe('');
});

test('a git that does not know the user leaves a repository without commit and says so', async () => {
  using root = temporaryDirectory();
  const env = {
    PATH: process.env['PATH'],
    HOME: root.path,
    GIT_CONFIG_NOSYSTEM: '1',
    EMAIL: '',
    GIT_AUTHOR_EMAIL: '',
    GIT_COMMITTER_EMAIL: '',
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'user.useConfigOnly',
    GIT_CONFIG_VALUE_0: 'true',
  };
  const { code, stderr } = await runCli(['fixture-service', 'x', '--no-install'], root.path, {
    env,
  });
  expect(code).toBe(0);
  expect(stderr).toMatch(/no commit: git does not know your name/u);
});

test('a machine without git gets its project without a word', async () => {
  using root = temporaryDirectory();
  const result = await runCli(['fixture-service', 'x', '--no-install'], root.path, {
    env: { PATH: root.path },
  });
  expect(result).toMatchObject({ code: 0, stderr: '' });
});

test.each([
  ['that fails', '#!/bin/sh\necho trouble >&2\nexit 7\n', /exited with 7/u],
  ['that is missing', undefined, /could not be started/u],
])(
  'an install %s leaves the project, exits with 5 and names the command to repeat',
  async (_what, script, says) => {
    using root = temporaryDirectory();
    mkdirSync(join(root.path, 'bin'));
    if (script !== undefined) writeFileSync(join(root.path, 'bin', 'npm'), script, { mode: 0o755 });
    const env = { PATH: join(root.path, 'bin') };
    const { code, stdout, stderr } = await runCli(
      ['fixture-service', 'x', '--no-git', '--json'],
      root.path,
      { env },
    );
    expect(code).toBe(5);
    expect(stderr).toMatch(says);
    const result = resultOf(stdout);
    expect(result).toMatchObject({
      ok: false,
      error: { code: 'INSTALL_FAILED' },
      next: ['cd x', 'npm install', 'npm run dev'],
    });
    expect(result.error?.hint).toBe(`Run 'npm install' in ${join(root.path, 'x')} again.`);
    expect(readdirSync(join(root.path, 'x'))).toContain('package.json');
  },
);

test('the install runs in the project, without what belongs to the npm that started us', async () => {
  using root = temporaryDirectory();
  mkdirSync(join(root.path, 'bin'));
  writeFileSync(join(root.path, 'bin', 'npm'), '#!/bin/sh\npwd > ran\nexport -p > environment\n', {
    mode: 0o755,
  });
  const env = {
    PATH: join(root.path, 'bin'),
    npm_config_local_prefix: '/elsewhere',
    INIT_CWD: '/elsewhere',
    npm_lifecycle_event: 'create',
    npm_config_cache: '/kept',
  };
  const { code, stdout } = await runCli(['fixture-service', 'x', '--no-git'], root.path, { env });
  expect(code).toBe(0);
  expect(stdout).toContain('Next:\n  cd x\n  npm run dev\n');
  const tree = treeOf(join(root.path, 'x'));
  const textOf = (path: string): string => Buffer.from(tree[path] ?? '', 'base64').toString();
  expect(textOf('ran').trim()).toBe(join(root.path, 'x'));
  expect(textOf('environment')).toContain('/kept');
  expect(textOf('environment')).not.toContain('/elsewhere');
});

const answering = (example: string | undefined, directory: string | undefined): Questions => ({
  example: async () => example,
  directory: async () => directory,
});

test('in a terminal what is missing is asked for, and nothing else', async () => {
  using root = temporaryDirectory();
  const asked = await runCli(OFFLINE, root.path, {
    terminal: () => true,
    loadQuestions: async () => answering('fixture-library', 'asked'),
  });
  expect(asked.code).toBe(0);
  expect(readdirSync(root.path)).toEqual(['asked']);
  const given = await runCli(['fixture-library', 'given', ...OFFLINE], root.path, {
    terminal: () => true,
  });
  expect(given.code).toBe(0);
});

test.each([
  ['CI is set', [], { CI: 'true' }],
  ['--yes is given', ['--yes'], {}],
  ['--json is given', ['--json'], {}],
])('in a terminal nothing is asked when %s', async (_when, words, env) => {
  const { code } = await runCli(words, '/', { terminal: () => true, env });
  expect(code).toBe(4);
});

test.each([
  ['the example', answering(undefined, 'x')],
  ['the directory', answering('fixture-library', undefined)],
])('leaving the question for %s exits with 4 and writes nothing', async (_what, questions) => {
  using root = temporaryDirectory();
  const { code, stderr } = await runCli(OFFLINE, root.path, {
    terminal: () => true,
    loadQuestions: async () => questions,
  });
  expect({ code, stderr }).toEqual({ code: 4, stderr: 'error: cancelled; nothing was written\n' });
  expect(readdirSync(root.path)).toEqual([]);
});

test('a bug is reported as one, without a stack trace unless asked for', async () => {
  const broken = { defaultRuntime: () => Promise.reject(new Error('boom')) };
  const quiet = await runCli(['fixture-service'], '/', broken);
  expect(quiet).toMatchObject({ code: 1, stdout: '' });
  expect(quiet.stderr).toMatch(/^error: unexpected: boom\nPlease report this/u);
  const loud = await runCli(['fixture-service'], '/', { ...broken, env: { POTTER_DEBUG: '1' } });
  expect(loud.stderr).toContain('    at ');
});
