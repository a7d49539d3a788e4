import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { describe, expect, inject, test } from 'vitest';
import { createPool, inTransaction, translatePostgresError } from 'potter-runtime/postgres';
import { type Duration, type LogFields, silentLogger } from 'potter-runtime/foundation';
import { deferred } from '../../../support/deferred.ts';
import { createTestDatabase } from '../../../support/database.ts';

/** The error of a statement on a fresh pool, translated. */
async function failureOf(url: string, connectTimeout: Duration = '1m'): Promise<unknown> {
  await using pool = createPool(url, { connectTimeout });
  return inTransaction(pool, async () => 'reached').then(
    (value) => value,
    (error: unknown) => error,
  );
}

test('the server sees timeouts and the name of the application', async () => {
  await using database = await createTestDatabase();
  await using pool = createPool(database.url, {
    applicationName: 'orders',
    statementTimeout: '1500ms',
  });
  const { rows } = await pool.query({
    text: "SELECT current_setting('application_name') AS name, current_setting('statement_timeout') AS timeout",
  });
  expect(rows).toEqual([{ name: 'orders', timeout: '1500ms' }]);
});

test('who holds a transaction open and says nothing loses it, and what it locked is free for others', async () => {
  await using database = await createTestDatabase();
  await using pool = createPool(database.url, { idleInTransactionTimeout: '200ms' });
  const frozen = await pool.connect();
  const ended = deferred();
  frozen.on('error', () => ended.resolve());
  // One message: between two it would be idle in its transaction, on a busy machine for too long.
  await frozen.query({ text: 'BEGIN; SELECT pg_advisory_xact_lock(1)' });
  // Waits until the server has ended the other session.
  await database.pool.query('SELECT pg_advisory_lock(1)');
  await ended.promise;
  const late = await frozen.query({ text: 'COMMIT' }).catch((error: unknown) => error);
  expect(translatePostgresError(late)).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  frozen.release(true);
});

test('the death of an idle connection is logged and replaced, and the process lives', async () => {
  await using database = await createTestDatabase();
  const warnings: (readonly [string, (LogFields | undefined)?])[] = [];
  const told = deferred();
  await using pool = createPool(database.url, {
    logger: {
      ...silentLogger,
      warn: (...warning) => {
        warnings.push(warning);
        told.resolve();
      },
    },
  });
  const { rows } = await pool.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' });
  await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
  await told.promise;
  expect(warnings.map(([message]) => message)).toEqual(['an idle database connection broke']);
  // What broke it, and not the whole connection with its statements.
  const { error } = warnings[0]?.[1] ?? {};
  expect(error).toMatchObject({ code: '57P01' });
  expect(JSON.stringify(error).length).toBeLessThan(500);
  expect((await pool.query({ text: 'SELECT 1 AS one' })).rows).toEqual([{ one: 1 }]);
});

/** Stands before a server, passes everything on, and, once it is frozen, nothing any more. */
async function relayTo(
  url: string,
): Promise<{ readonly url: string; freeze(): void; cut(): void } & AsyncDisposable> {
  const { hostname, port } = new URL(url);
  const sockets: Socket[] = [];
  const relay = createServer((near) => {
    const far = connect({ host: hostname, port: Number(port) });
    for (const socket of [near, far]) socket.on('error', () => {});
    near.pipe(far).pipe(near);
    sockets.push(near, far);
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const through = new URL(url);
  through.host = `127.0.0.1:${(relay.address() as AddressInfo).port}`;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: through.href,
    freeze: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      relay.close();
      await once(relay, 'close');
    },
  };
}

test('who waits for a server that went silent without a word is let go, and an idle connection is not broken', async () => {
  await using database = await createTestDatabase();
  await using relay = await relayTo(database.url);
  await using pool = createPool(relay.url, { statementTimeout: '1s', maxConnections: 2 });
  const [asked, idle] = [await pool.connect(), await pool.connect()];
  const broken: string[] = [];
  asked.on('error', () => broken.push('asked'));
  idle.on('error', () => broken.push('idle'));
  relay.freeze();
  const error = await asked.query({ text: 'SELECT 1' }).catch((thrown: unknown) => thrown);
  expect(translatePostgresError(error)).toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
    message: expect.stringContaining('the server has said nothing for 2000 ms'),
  });
  expect(broken).toEqual(['asked']);
  // Nobody answers that a connection may be closed, either.
  relay.cut();
  asked.release(true);
  idle.release(true);
});

describe('a failed connection', () => {
  test('that is refused is DATABASE_UNAVAILABLE with host and port and never the password', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    const error = await failureOf(`postgres://me:s3cret@127.0.0.1:${port}/shop`);
    expect(error).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(String(error)).toContain(`127.0.0.1:${port}/shop`);
    expect(JSON.stringify([String(error), (error as { details: unknown }).details])).not.toContain(
      's3cret',
    );
  });

  test('to a name that has no address is DATABASE_UNAVAILABLE', async () => {
    const error = await failureOf('postgres://me:s3cret@no-such-host.invalid:5432/shop');
    expect(error).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  test('to something that never answers is DATABASE_UNAVAILABLE after the timeout', async () => {
    const mute = createServer().listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const { port } = mute.address() as AddressInfo;
    const error = await failureOf(`postgres://me:s3cret@127.0.0.1:${port}/shop`, '500ms');
    expect(error).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    mute.close();
  });

  test('with a wrong password says where to look', async () => {
    const url = new URL(inject('postgresUrl'));
    url.password = 'wrong';
    expect(await failureOf(url.href)).toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      details: { sqlState: '28P01' },
      message: expect.stringContaining('Check user and password'),
    });
  });

  test('to a database that does not exist says so', async () => {
    const url = new URL(inject('postgresUrl'));
    url.pathname = '/nothing';
    expect(await failureOf(url.href)).toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      details: { sqlState: '3D000' },
      message: expect.stringContaining('Create the database'),
    });
  });
});

test('a closed pool is CLOSED, and closing twice does nothing', async () => {
  await using database = await createTestDatabase();
  const pool = createPool(database.url);
  await pool.close();
  await pool.close();
  await expect(inTransaction(pool, async () => 1)).rejects.toMatchObject({ code: 'CLOSED' });
});

test('an error of somebody else comes back as it is', () => {
  const foreign = Object.assign(new Error('no'), { code: 'ENOTDIR' });
  expect(translatePostgresError(foreign)).toBe(foreign);
});
