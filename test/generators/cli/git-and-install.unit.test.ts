import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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
