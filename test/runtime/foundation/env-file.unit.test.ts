import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { loadEnvFile } from '../../../runtime/src/foundation/env-file.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

afterEach(() => vi.unstubAllEnvs());

/** Loads this text as a .env file. */
async function load(text: string): Promise<void> {
  await using folder = await temporaryFolder();
  const file = join(folder.path, '.env');
  await writeFile(file, text);
  loadEnvFile(file);
}

test('comments, quotes, export, several lines and Windows line ends are understood', async () => {
  for (const name of ['T_A', 'T_B', 'T_C', 'T_D', 'T_E']) vi.stubEnv(name, undefined);
  await load(
    '# first\r\n\r\nT_A=1 # one\r\nexport T_B="two words"\r\nT_C=\'x=y\'\r\nT_D="line 1\nnot = an assignment\nline 3"\nT_E=\n',
  );
  const { T_A, T_B, T_C, T_D, T_E } = process.env;
  expect([T_A, T_B, T_C, T_E]).toEqual(['1', 'two words', 'x=y', '']);
  expect(T_D).toContain('line 3');
});

test('the environment has precedence', async () => {
  vi.stubEnv('T_A', 'mine');
  await load('T_A=theirs\n');
  expect(process.env['T_A']).toBe('mine');
});

test('no file is no problem', () => {
  expect(() => loadEnvFile('/no/such/.env')).not.toThrow();
});

test('a folder in its place is', async () => {
  await using folder = await temporaryFolder();
  expect(() => loadEnvFile(folder.path)).toThrow(
    expect.objectContaining({ code: 'INVALID_CONFIGURATION' }),
  );
});

test.each([
  ['T_A=1\nsecret-without-name\n', 2],
  ['1A=1\n', 1],
  ['=x\n', 1],
  ['T_A="open\nT_B=2', 1],
])('%j is refused with the number of the line and nothing of its content', async (text, line) => {
  const error: unknown = await load(text).catch((failure: unknown) => failure);
  expect(error).toMatchObject({ code: 'INVALID_CONFIGURATION', details: { line } });
  expect(String(error)).not.toMatch(/secret|open\n/);
});
