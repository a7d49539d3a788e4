import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import type { EmbeddedPostgres } from 'potter-runtime/embedded';
import { startEmbeddedPostgres } from '../../support/embedded.ts';
import { silentLogger } from 'potter-runtime/foundation';
import { clusterFolder } from '../../support/cluster.ts';
import { deferred } from '../../support/deferred.ts';
import { quickest } from '../../support/quickest.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { gone, keeperPid, serverPid } from './processes.ts';

/** Rows of one statement on a fresh connection. */
async function ask(server: EmbeddedPostgres, text: string): Promise<readonly unknown[]> {
  const client = new Client({ connectionString: server.url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

const quick = { durability: 'none' } as const;

test('the server is durable, on loopback only, in UTF-8, code point order and UTC', async () => {
  await using folder = await temporaryFolder();
  await using server = await startEmbeddedPostgres({ directory: folder.path });
  const names = [
    'fsync',
    'full_page_writes',
    'synchronous_commit',
    'listen_addresses',
    'unix_socket_directories',
    'server_encoding',
    'TimeZone',
    'max_connections',
    'max_prepared_transactions',
  ];
  const columns = names.map((name) => `current_setting('${name}') AS "${name}"`).join(', ');
  expect(await ask(server, `SELECT ${columns}`)).toEqual([
    {
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      server_encoding: 'UTF8',
      TimeZone: 'UTC',
      max_connections: '200',
      max_prepared_transactions: '50',
    },
  ]);
  expect(
    await ask(
      server,
      "SELECT string_agg(x, '' ORDER BY x) AS sorted FROM unnest('{b,a,Z,é}'::text[]) x",
    ),
  ).toEqual([{ sorted: 'Zabé' }]);
  expect(await ask(server, "SELECT upper('é') AS upper")).toEqual([{ upper: 'É' }]);
});

test('only an explicit option gives durability up', async () => {
  await using server = await startEmbeddedPostgres({ persistent: false, durability: 'none' });
  expect(await ask(server, "SELECT current_setting('fsync') AS fsync")).toEqual([{ fsync: 'off' }]);
});

test('data, port and password outlive restarts, each of which takes less than 3 s', async () => {
  await using folder = await clusterFolder();
  const first = await startEmbeddedPostgres({ directory: folder.path });
  await ask(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await first.stop();
  const restart = await quickest(3_000, async () => {
    const startedAt = performance.now();
    const again = await startEmbeddedPostgres({ directory: folder.path });
    const took = performance.now() - startedAt;
    await again.stop();
    return took;
  });
  expect(restart).toBeLessThan(3_000);
  await using second = await startEmbeddedPostgres({ directory: folder.path });
  expect(second.url).toBe(first.url);
  expect(await ask(second, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
});

test('a temporary server leaves neither a process nor a file', async () => {
  const server = await startEmbeddedPostgres({ ...quick, persistent: false });
  const pid = await serverPid(server.dataDirectory);
  await server.stop();
  await gone(pid);
  await expect(stat(dirname(server.dataDirectory))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('stopping twice, and disposing after stopping, do nothing more', async () => {
  await using server = await startEmbeddedPostgres({ ...quick, persistent: false });
  await Promise.all([server.stop(), server.stop()]);
  await expect(ask(server, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('many who start at once in an empty folder share one server; it ends with the last of them', async () => {
  await using folder = await temporaryFolder();
  const servers = await Promise.all(
    Array.from({ length: 6 }, () => startEmbeddedPostgres({ ...quick, directory: folder.path })),
  );
  expect(new Set(servers.map((server) => server.url)).size).toBe(1);
  const pid = await serverPid(join(folder.path, 'postgres'));
  const [last, ...others] = servers;
  if (last === undefined) throw new Error('six were started');
  await Promise.all(others.map((server) => server.stop()));
  expect(await ask(last, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await last.stop();
  await gone(pid);
});

test('who comes while the last one leaves gets a server all the same', async () => {
  await using folder = await clusterFolder();
  let server = await startEmbeddedPostgres({ ...quick, directory: folder.path });
  for (let round = 0; round < 5; round += 1) {
    const [next] = await Promise.all([
      startEmbeddedPostgres({ ...quick, directory: folder.path }),
      server.stop(),
    ]);
    expect(await ask(next, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    server = next;
  }
  await server.stop();
});

test('a port that somebody else took in the meantime is replaced', async () => {
  await using folder = await clusterFolder();
  const first = await startEmbeddedPostgres({ ...quick, directory: folder.path });
  await first.stop();
  const squatter = createServer().listen(first.port, '127.0.0.1');
  await once(squatter, 'listening');
  await using second = await startEmbeddedPostgres({ ...quick, directory: folder.path });
  expect(second.port).not.toBe((squatter.address() as AddressInfo).port);
  expect(await ask(second, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  squatter.close();
});

test('a lock file whose number now belongs to another program does not keep the server from starting', async () => {
  await using folder = await clusterFolder();
  const first = await startEmbeddedPostgres({ ...quick, directory: folder.path });
  const lock = await readFile(join(first.dataDirectory, 'postmaster.pid'), 'utf8');
  await first.stop();
  const stale = lock.replace(/^\d+/, String(process.pid));
  await writeFile(join(first.dataDirectory, 'postmaster.pid'), stale);
  await using second = await startEmbeddedPostgres({ ...quick, directory: folder.path });
  expect(await ask(second, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('a server whose keeper was killed goes on, is taken over by the next start, and stops in the end', async () => {
  await using folder = await clusterFolder();
  const first = await startEmbeddedPostgres({ ...quick, directory: folder.path });
  const pid = await serverPid(first.dataDirectory);
  process.kill(await keeperPid(folder.path), 'SIGKILL');
  expect(await ask(first, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  const second = await startEmbeddedPostgres({ ...quick, directory: folder.path });
  expect([second.port, await serverPid(second.dataDirectory)]).toEqual([first.port, pid]);
  await first.stop();
  await second.stop();
  await gone(pid);
});

test('a server that was killed together with its keeper is started again and recovers', async () => {
  await using folder = await clusterFolder();
  const first = await startEmbeddedPostgres({ directory: folder.path });
  await ask(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
  const pid = await serverPid(first.dataDirectory);
  process.kill(await keeperPid(folder.path), 'SIGKILL');
  process.kill(pid, 'SIGKILL');
  await gone(pid);
  await using second = await startEmbeddedPostgres({ directory: folder.path });
  expect(await ask(second, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
});

test('a server that dies under its users is reported to them, and can be started again', async () => {
  await using folder = await clusterFolder();
  const told = deferred<unknown>();
  const first = await startEmbeddedPostgres({
    ...quick,
    directory: folder.path,
    logger: { ...silentLogger, error: (_message, fields) => told.resolve(fields?.['error']) },
  });
  process.kill(await serverPid(first.dataDirectory), 'SIGKILL');
  expect(await told.promise).toMatchObject({
    code: 'EMBEDDED_DATABASE_FAILED',
    message: expect.stringContaining('stopped by itself'),
  });
  await first.stop();
  await using second = await startEmbeddedPostgres({ ...quick, directory: folder.path });
  expect(await ask(second, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('the draft that a killed start left behind is cleared away', async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, 'postgres.draft-1'), 'half a data folder');
  await using _server = await startEmbeddedPostgres({ ...quick, directory: folder.path });
  expect(await readdir(folder.path)).not.toContain('postgres.draft-1');
});

test('a data folder of another version is refused with the server’s own words and a remedy', async () => {
  await using folder = await clusterFolder();
  const first = await startEmbeddedPostgres({ ...quick, directory: folder.path });
  await first.stop();
  await writeFile(join(first.dataDirectory, 'PG_VERSION'), '17\n');
  await expect(startEmbeddedPostgres({ ...quick, directory: folder.path })).rejects.toMatchObject({
    code: 'EMBEDDED_DATABASE_FAILED',
    message: expect.stringMatching(/incompatible with server.*another version of PostgreSQL/s),
    details: { log: expect.arrayContaining([expect.stringContaining('version 17')]) },
  });
});

test('a folder that cannot be made is one clear error', async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'file');
  await writeFile(file, '');
  await expect(startEmbeddedPostgres({ directory: join(file, 'x') })).rejects.toMatchObject({
    code: 'EMBEDDED_DATABASE_FAILED',
  });
});
