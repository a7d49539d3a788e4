import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createTestDatabase } from '../../support/database.ts';
import { makeProject, type Project } from './project.ts';

async function migrate(
  project: Project,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<{ readonly code: unknown; readonly text: string }> {
  await using program = project.run('potter-migrate', args, env);
  const code = await program.ended;
  return { code, text: program.output() };
}

test('a fresh project is migrated up and down on its embedded database, which is stopped again', async () => {
  await using project = await makeProject();
  const up = await migrate(project, ['up']);
  expect(up).toMatchObject({
    code: 0,
    text: expect.stringMatching(/applied event-store:0001_[^]*applied 1_first/),
  });
  expect(await readdir(join(project.path, '.potter', 'postgres'))).not.toContain('postmaster.pid');
  expect((await migrate(project, ['up'])).text).toBe('nothing to apply\n');
  expect((await migrate(project, ['status'])).text).toMatch(
    /^applied +\d{4}-\S+Z event-store:0001_/,
  );
  expect((await migrate(project, ['down', '--dry-run'])).text).toContain('DROP TABLE first;');
  expect((await migrate(project, ['down'])).text).toContain('took back 1_first');
  expect(await migrate(project, ['down'])).toEqual({ code: 0, text: 'nothing to take back\n' });
  expect((await migrate(project, ['status'])).text).toMatch(/^pending +- +1_first$/m);
});

test('with DATABASE_URL nothing is started', async () => {
  await using project = await makeProject();
  await using database = await createTestDatabase();
  const { code } = await migrate(project, ['up'], { DATABASE_URL: database.url });
  expect(code).toBe(0);
  expect(await readdir(project.path)).not.toContain('.potter');
});

test('create makes a file and needs no database', async () => {
  await using project = await makeProject();
  const { code, text } = await migrate(project, ['create', 'add_email']);
  expect(code).toBe(0);
  expect(await project.read(text.trim())).toContain('-- Up Migration');
  expect(await readdir(project.path)).not.toContain('.potter');
});

test.each([
  [['upp'], /Did you mean 'up'\?/],
  [[], /Say what to do: up, down, status, create/],
  [['create'], /Say what to call it/],
  [['create', '../../escape'], /is not a name for a migration/],
  [['status', 'now'], /'now' is too much/],
  [['up', '--dryrun'], /Did you mean '--dry-run'\?/],
])('%j is one line and exit code 2', async (args, expected) => {
  await using project = await makeProject();
  const { code, text } = await migrate(project, args);
  expect(code).toBe(2);
  expect(text.trimEnd().split('\n')).toEqual([expect.stringMatching(expected)]);
});

test('a server that does not answer is one line without the password, and exit code 1', async () => {
  await using project = await makeProject();
  const { code, text } = await migrate(project, ['up'], {
    DATABASE_URL: 'postgres://me:s3cret@127.0.0.1:1/shop',
  });
  expect(code).toBe(1);
  expect(text.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/DATABASE_UNAVAILABLE.*127\.0\.0\.1:1\/shop/),
  ]);
  expect(text).not.toContain('s3cret');
});
