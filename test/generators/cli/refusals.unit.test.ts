import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli, resultOf } from '../support/cli.ts';
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
    words: ['fixture-service', 'node_modules/ab'],
    exit: 3,
    code: 'TARGET_UNUSABLE',
    says: /node_modules/u,
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
  '$words exits with $exit, in words, in JSON and in a dry run, and writes nothing',
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
    const dry = await runCli([...words, ...OFFLINE, '--dry-run', '--json'], root.path);
    expect(dry.code).toBe(exit);
    expect(resultOf(dry.stdout).error).toEqual(resultOf(inJson.stdout).error);
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

test('a bug is reported as one, without a stack trace unless asked for', async () => {
  const broken = { defaultRuntime: () => Promise.reject(new Error('boom')) };
  const quiet = await runCli(['fixture-service'], '/', broken);
  expect(quiet).toMatchObject({ code: 1, stdout: '' });
  expect(quiet.stderr).toMatch(/^error: unexpected: boom\nPlease report this/u);
  const loud = await runCli(['fixture-service'], '/', { ...broken, env: { POTTER_DEBUG: '1' } });
  expect(loud.stderr).toContain('    at ');
});
