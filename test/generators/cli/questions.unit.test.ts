import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Questions } from '../../../generators/prompts/questions.ts';
import { runCli } from '../support/cli.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const OFFLINE = ['--no-install', '--no-git'];

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

test.each(['', '0', 'false'])('CI=%j is no CI: a person is asked', async (ci) => {
  using root = temporaryDirectory();
  const { code } = await runCli(OFFLINE, root.path, {
    terminal: () => true,
    env: { CI: ci },
    loadQuestions: async () => answering('fixture-library', 'asked'),
  });
  expect(code).toBe(0);
  expect(readdirSync(root.path)).toEqual(['asked']);
});

test('what is asked is still checked, and a directory is proposed that --name names', async () => {
  using root = temporaryDirectory();
  const proposals: string[] = [];
  const words = ['--name', '@acme/my.orders', ...OFFLINE];
  const { code, stderr } = await runCli(words, root.path, {
    terminal: () => true,
    loadQuestions: async () => ({
      example: async () => 'fixture-library',
      directory: async (proposal) => {
        proposals.push(proposal);
        return 'node_modules/x';
      },
    }),
  });
  expect(proposals).toEqual(['my-orders']);
  expect(code).toBe(3);
  expect(stderr).toContain('node_modules');
  expect(readdirSync(root.path)).toEqual([]);
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
