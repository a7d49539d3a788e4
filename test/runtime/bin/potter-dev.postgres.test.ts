import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../support/database.ts';
import type { Program } from '../../support/program.ts';
import { gone, serverPid } from '../embedded/processes.ts';
import { makeProject, SERVICE, type Project } from './project.ts';

interface Service {
  readonly pid: number;
  readonly environment: string;
  readonly databaseUrl: string;
}

/** Waits for the nth start of the service. */
async function started(program: Program, time = 1): Promise<Service> {
  const line = String.raw`service (\d+) (\S+) (\S+) end`;
  const match = await program.wrote(
    new RegExp(Array.from({ length: time }, () => line).join('[^]*?')),
  );
  const [pid, environment = '', databaseUrl = ''] = match.slice(-3);
  return { pid: Number(pid), environment, databaseUrl };
}

function dataOf(project: Project): string {
  return join(project.path, '.potter', 'postgres');
}

test('without DATABASE_URL a real database is started and migrated, and the service gets its address', async () => {
  await using project = await makeProject();
  await using dev = project.run('potter-dev', ['src/main.ts']);
  const service = await started(dev);
  expect(service.environment).toBe('development');
  const client = new Client({ connectionString: service.databaseUrl });
  await client.connect();
  const { rows } = await client.query(
    "SELECT to_regclass('first') IS NOT NULL AS project, to_regclass('potter.events') IS NOT NULL AS runtime",
  );
  await client.end();
  expect(rows).toEqual([{ project: true, runtime: true }]);

  const server = await serverPid(dataOf(project));
  dev.signal('SIGINT');
  expect(await dev.ended).toBe(0);
  expect(dev.output().match(/stopped by \w+/g)).toEqual(['stopped by SIGINT']);
  await gone(server);
});

test('DATABASE_URL, also from .env, is used as it is: nothing is started and nothing migrated', async () => {
  await using project = await makeProject();
  await using database = await createTestDatabase();
  await project.write('.env', `# comment\nDATABASE_URL="${database.url}"\nNODE_ENV=test\n`);
  await using dev = project.run('potter-dev', ['src/main.ts']);
  expect(await started(dev)).toMatchObject({ databaseUrl: database.url, environment: 'test' });
  expect(dev.output()).toMatch(/\d+ migration\(s\) are not applied/);
  await expect(stat(join(project.path, '.potter'))).rejects.toMatchObject({ code: 'ENOENT' });
  dev.signal('SIGTERM');
  expect(await dev.ended).toBe(0);
});

test('a change stops the service gracefully and starts it again; the database stays', async () => {
  await using project = await makeProject({ hasCluster: true });
  await using dev = project.run('potter-dev', ['src/main.ts']);
  const first = await started(dev);
  const server = await serverPid(dataOf(project));
  await project.write('src/main.ts', `${SERVICE}// changed`);
  const second = await started(dev, 2);
  expect(dev.output()).toContain('stopped by SIGTERM');
  expect(dev.output()).toContain('reloading: src/main.ts changed');
  expect(second.pid).not.toBe(first.pid);
  expect(second.databaseUrl).toBe(first.databaseUrl);
  expect(await serverPid(dataOf(project))).toBe(server);

  await project.write('src/new/folder/file.ts', 'export {};');
  await started(dev, 3);
  await project.write('migrations/2_second.sql', '-- Up Migration\nCREATE TABLE second ();\n');
  await dev.wrote(/applied 2_second/);
  await started(dev, 4);
  dev.signal('SIGTERM');
  expect(await dev.ended).toBe(0);
});

test('an edit that does not run is waited out, and the next one is started', async () => {
  await using project = await makeProject({ hasCluster: true });
  await using dev = project.run('potter-dev', ['src/main.ts']);
  await started(dev);
  await project.write('src/main.ts', 'this is not TypeScript');
  await dev.wrote(/the service crashed with code 1; waiting for a change \(Ctrl-C ends\)/);
  await project.write('src/main.ts', SERVICE);
  await started(dev, 2);
  await project.write('migrations/2_broken.sql', '-- Up Migration\nCREATE TABEL x ();\n');
  await dev.wrote(/waiting for a change \(\[MIGRATION_FAILED\] migrations\/2_broken\.sql:2 failed/);
  await project.write('migrations/2_broken.sql', '-- Up Migration\nCREATE TABLE x ();\n');
  await started(dev, 3);
  dev.signal('SIGINT');
  expect(await dev.ended).toBe(0);
});

test('a service that is killed is started again at once, and one line says so', async () => {
  await using project = await makeProject();
  await using database = await createTestDatabase();
  await using dev = project.run('potter-dev', ['src/main.ts'], { DATABASE_URL: database.url });
  const first = await started(dev);
  process.kill(first.pid, 'SIGKILL');
  const second = await started(dev, 2);
  expect(second.pid).not.toBe(first.pid);
  expect(dev.output()).toContain('the service was killed (SIGKILL); starting it again');
  dev.signal('SIGTERM');
  expect(await dev.ended).toBe(0);
});

test.each([
  ['at its start', 'throw new Error("boom")', 1],
  ['later', 'setTimeout(() => { throw new Error("boom"); }, 1)', 1],
  ['by a rejection', 'setTimeout(() => Promise.reject(new Error("boom")), 1)', 1],
  ['by a signal of its own', 'process.abort()', 134],
])(
  'a service that crashes %s waits for a change, and one line says so',
  async (_when, source, code) => {
    await using project = await makeProject();
    await using database = await createTestDatabase();
    await project.write('src/main.ts', source);
    await using dev = project.run('potter-dev', ['src/main.ts'], { DATABASE_URL: database.url });
    await dev.wrote(
      new RegExp(`the service crashed with code ${code}; waiting for a change \\(Ctrl-C ends\\)`),
    );
    await project.write('src/main.ts', SERVICE);
    await started(dev);
    dev.signal('SIGTERM');
    expect(await dev.ended).toBe(0);
  },
);

test('a change of .env goes for the next start, but not over what the environment says', async () => {
  await using project = await makeProject();
  await using database = await createTestDatabase();
  await project.write('.env', 'NODE_ENV=first\nDATABASE_URL=postgres://elsewhere/x\n');
  await using dev = project.run('potter-dev', ['src/main.ts'], { DATABASE_URL: database.url });
  expect(await started(dev)).toMatchObject({ environment: 'first' });
  await project.write('.env', 'NODE_ENV second\n');
  await dev.wrote(/waiting for a change \(\[INVALID_CONFIGURATION\] \.env line 1/);
  await project.write('.env', 'NODE_ENV=second\nDATABASE_URL=postgres://elsewhere/x\n');
  expect(await started(dev, 2)).toMatchObject({
    environment: 'second',
    databaseUrl: database.url,
  });
  dev.signal('SIGTERM');
  expect(await dev.ended).toBe(0);
});

test.each([
  ['process.exit(7)', 7],
  ['console.log("done")', 0],
])('a program that ends by itself (%s) ends the command with code %i', async (source, code) => {
  await using project = await makeProject();
  await using database = await createTestDatabase();
  await project.write('src/main.ts', source);
  await using dev = project.run('potter-dev', ['src/main.ts'], { DATABASE_URL: database.url });
  expect(await dev.ended).toBe(code);
});

test.each([
  ['throw new Error("boom")', 1],
  ['process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1_000)', 137],
])(
  'with --no-watch a program that fails (%s) ends the command with code %i',
  async (source, code) => {
    await using project = await makeProject();
    await using database = await createTestDatabase();
    await project.write('src/main.ts', source);
    const args = ['--no-watch', 'src/main.ts'];
    await using dev = project.run('potter-dev', args, { DATABASE_URL: database.url });
    expect(await dev.ended).toBe(code);
  },
);

test('kill -9 of the command ends the service and the database', async () => {
  await using project = await makeProject({ hasCluster: true });
  await using dev = project.run('potter-dev', ['src/main.ts']);
  const service = await started(dev);
  const server = await serverPid(dataOf(project));
  dev.signal('SIGKILL');
  await Promise.all([gone(service.pid), gone(server)]);
  await using again = project.run('potter-dev', ['src/main.ts']);
  await started(again);
  again.signal('SIGTERM');
  expect(await again.ended).toBe(0);
});

test('signals that come doubled, as from npm and the terminal, reach the service once', async () => {
  await using project = await makeProject();
  await using database = await createTestDatabase();
  await using dev = project.run('potter-dev', ['src/main.ts'], { DATABASE_URL: database.url });
  await started(dev);
  dev.signal('SIGINT');
  dev.signal('SIGINT');
  dev.signal('SIGTERM');
  expect(await dev.ended).toBe(0);
  expect(dev.output().match(/stopped by \w+/g)).toHaveLength(1);
});

test('two of them on one project share one database', async () => {
  await using project = await makeProject({ hasCluster: true });
  await using first = project.run('potter-dev', ['src/main.ts']);
  await using second = project.run('potter-dev', ['src/main.ts']);
  const [one, two] = await Promise.all([started(first), started(second)]);
  expect(one.databaseUrl).toBe(two.databaseUrl);
  const server = await serverPid(dataOf(project));
  first.signal('SIGTERM');
  expect(await first.ended).toBe(0);
  expect(await serverPid(dataOf(project))).toBe(server);
  second.signal('SIGTERM');
  expect(await second.ended).toBe(0);
  await gone(server);
});

async function failure(
  prepare: (project: Project) => Promise<void>,
  args: readonly string[] = ['src/main.ts'],
  env?: Readonly<Record<string, string>>,
): Promise<{ readonly code: unknown; readonly lines: readonly string[] }> {
  await using project = await makeProject({ hasCluster: true });
  await prepare(project);
  await using dev = project.run('potter-dev', args, env);
  const code = await dev.ended;
  const lines = dev.output().trimEnd().split('\n');
  return {
    code,
    lines: lines.filter((line) => !/creating the data|PostgreSQL 18|applied/.test(line)),
  };
}

describe('one clear line and an exit code', () => {
  test.each([
    ['PORT 8080\n', /\.env line 1 is not an assignment/],
    ['A=1\n\nSECRET="never closed\nB=2\n', /\.env line 3 opens a " that is never closed/],
    ['DATABASE_URL=mysql://me:s3cret@db/x\n', /DATABASE_URL starts with 'mysql:\/\/'/],
  ])('for a bad .env: %j', async (text, expected) => {
    const { code, lines } = await failure((project) => project.write('.env', text));
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(expected)]);
    expect(lines[0]).not.toMatch(/s3cret|never closed"/);
  });

  test('for a broken migration', async () => {
    const { code, lines } = await failure((project) =>
      project.write('migrations/2_broken.sql', '-- Up Migration\n\nCREATE TABEL x ();\n'),
    );
    expect(code).toBe(1);
    expect(lines).toEqual([
      expect.stringMatching(/migrations\/2_broken\.sql:3 failed: syntax error/),
    ]);
  });

  test.each([
    [[], /Say what to run/],
    [['src/nothing.ts'], /There is no file src\/nothing\.ts/],
    [['--wach', 'src/main.ts'], /'--wach' is not one of --no-watch/],
  ])('for the arguments %j', async (args, expected) => {
    const { code, lines } = await failure(() => Promise.resolve(), args);
    expect(code).toBe(2);
    expect(lines).toEqual([expect.stringMatching(expected)]);
  });

  test('for a part of the runtime that does not exist', async () => {
    const { code, lines } = await failure((project) =>
      project.write('package.json', '{"potter":{"schema":["event-stroe"]}}'),
    );
    expect(code).toBe(2);
    expect(lines).toEqual([expect.stringMatching(/Did you mean 'event-store'\?$/)]);
  });

  test('for production without DATABASE_URL', async () => {
    const { code, lines } = await failure(() => Promise.resolve(), ['src/main.ts'], {
      NODE_ENV: 'production',
    });
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/DATABASE_URL is not set/)]);
  });
});
