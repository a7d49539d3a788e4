import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PACKAGE_MANAGERS } from '../../../generators/engine/package-managers.ts';
import { runCli, resultOf } from '../support/cli.ts';
import { temporaryDirectory, treeOf } from '../support/temporary-directory.ts';

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

const AUTHOR = {
  GIT_AUTHOR_NAME: 'A',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'A',
  GIT_COMMITTER_EMAIL: 'a@example.com',
} as const;

/** Settings as a user may have them in his own configuration, for git. */
function configured(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const entries = Object.entries(settings);
  return Object.fromEntries([
    ['GIT_CONFIG_COUNT', String(entries.length)],
    ...entries.flatMap(([key, value], index) => [
      [`GIT_CONFIG_KEY_${index}`, key],
      [`GIT_CONFIG_VALUE_${index}`, value],
    ]),
  ]);
}

test('the first commit runs no hook and needs no key of the user', async () => {
  using root = temporaryDirectory();
  const hooks = join(root.path, 'hooks');
  mkdirSync(hooks);
  for (const hook of ['pre-commit', 'commit-msg'])
    writeFileSync(join(hooks, hook), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  const settings = { 'core.hooksPath': hooks, 'commit.gpgSign': 'true', 'gpg.program': 'false' };
  const env = { PATH: process.env['PATH'], HOME: root.path, ...AUTHOR, ...configured(settings) };
  const said = await runCli(['fixture-service', 'x', '--no-install'], root.path, { env });
  expect(said).toMatchObject({ code: 0, stderr: '' });
  const words = ['log', '--format=%an'];
  const options = { cwd: join(root.path, 'x'), env, encoding: 'utf8' } as const;
  expect(execFileSync('git', words, options)).toBe('A\n');
});

test.each([
  ['init -q -b main', 'a repository is made by a git that knows no -b', /^$/u],
  ['commit', 'a commit that fails leaves a repository and a note', /no commit: git commit failed/u],
])('a git that fails at %s: %s', async (failing, _what, says) => {
  using root = temporaryDirectory();
  mkdirSync(join(root.path, 'bin'));
  const path = process.env['PATH'] ?? '';
  const script = `#!/bin/sh\ncase "$*" in "${failing}"*) exit 129;; esac\nPATH='${path}' exec git "$@"\n`;
  writeFileSync(join(root.path, 'bin', 'git'), script, { mode: 0o755 });
  const env = {
    PATH: join(root.path, 'bin'),
    HOME: root.path,
    ...AUTHOR,
    ...configured({ 'user.email': 'a@example.com' }),
  };
  const said = await runCli(['fixture-service', 'x', '--no-install'], root.path, { env });
  expect(said.code).toBe(0);
  expect(said.stderr).toMatch(says);
  expect(readdirSync(join(root.path, 'x'))).toContain('.git');
});

test.each(PACKAGE_MANAGERS)('--package-manager %s installs with it', async (manager) => {
  using root = temporaryDirectory();
  mkdirSync(join(root.path, 'bin'));
  writeFileSync(join(root.path, 'bin', manager), '#!/bin/sh\necho "$0 $*" > ran\n', {
    mode: 0o755,
  });
  const words = ['fixture-service', 'x', '--no-git', '--package-manager', manager];
  const env = { PATH: join(root.path, 'bin') };
  expect((await runCli(words, root.path, { env })).code).toBe(0);
  const ran = Buffer.from(treeOf(join(root.path, 'x'))['ran'] ?? '', 'base64').toString();
  expect(ran).toBe(`${join(root.path, 'bin', manager)} install\n`);
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
