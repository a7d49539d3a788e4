import { describe, expect, test } from 'vitest';
import { createPool, type ManagedPostgresPool, type PostgresClient } from 'potter-runtime/postgres';
import type { PostgresConnection } from '../../../../runtime/src/postgres/connection/client.ts';
import { isConnectionLoss } from '../../../../runtime/src/postgres/connection/connection-loss.ts';
import { sqlStateOf } from '../../../../runtime/src/postgres/connection/errors.ts';
import { callPrepared } from '../../../../runtime/src/postgres/connection/prepared-call.ts';
import { createTestDatabase } from '../../../support/database.ts';

const ECHO = {
  name: 'echo',
  text: 'SELECT $1::text AS a, $2::int + 1 AS b, $3::bigint AS c, $4::boolean AS d, $5::text AS e',
};

/** A connection of which nobody knows that it is the driver's. */
function hidden(connection: PostgresConnection): PostgresClient {
  return { query: (statement) => connection.query(statement) };
}

async function onConnection<T>(
  pool: ManagedPostgresPool,
  work: (connection: PostgresConnection) => Promise<T>,
): Promise<T> {
  const connection = await pool.connect();
  try {
    return await work(connection);
  } finally {
    connection.release();
  }
}

describe.each([
  ['on a connection', (connection: PostgresConnection): PostgresClient => connection],
  ['on something that only runs statements', hidden],
])('%s', (_, as) => {
  test('values arrive as they are, whatever they are made of, and rows are text', async () => {
    await using database = await createTestDatabase();
    await using pool = createPool(database.url);
    await onConnection(pool, async (connection) => {
      for (const text of [
        '',
        'plain',
        'Ünïcödé 😀 \n "\'\\',
        'ä'.repeat(255),
        'ö'.repeat(100_000),
      ]) {
        const values = [text, 41, 2n ** 62n, true, null];
        expect(await callPrepared(as(connection), { ...ECHO, values })).toEqual([
          [text, '42', `${2n ** 62n}`, 't', null],
        ]);
      }
    });
  });

  test('all rows come, in order, and of none comes an empty list', async () => {
    await using database = await createTestDatabase();
    await using pool = createPool(database.url);
    const call = { name: 'series', text: 'SELECT n, n % 2 = 0 FROM generate_series(1, $1::int) n' };
    await onConnection(pool, async (connection) => {
      const rows = await callPrepared(as(connection), { ...call, values: [3] });
      expect(rows).toEqual([
        ['1', 'f'],
        ['2', 't'],
        ['3', 'f'],
      ]);
      expect(await callPrepared(as(connection), { ...call, values: [0] })).toEqual([]);
    });
  });

  test('what the server refuses is thrown with its state, and the connection goes on', async () => {
    await using database = await createTestDatabase();
    await using pool = createPool(database.url);
    await onConnection(pool, async (connection) => {
      const divide = { name: 'divide', text: 'SELECT 1 / $1::int' };
      const wrong = callPrepared(as(connection), { ...divide, values: [0] });
      expect(await wrong.catch(sqlStateOf)).toBe('22012');
      const unread = callPrepared(as(connection), { ...divide, values: ['two'] });
      expect(await unread.catch(sqlStateOf)).toBe('22P02');
      const unwritten = callPrepared(as(connection), { name: 'x', text: 'SELEKT', values: [] });
      expect(await unwritten.catch(sqlStateOf)).toBe('42601');
      expect(await callPrepared(as(connection), { ...divide, values: [1] })).toEqual([['1']]);
    });
  });
});

test('a statement is prepared once a connection, whichever way it is run', async () => {
  await using database = await createTestDatabase();
  await using pool = createPool(database.url);
  await onConnection(pool, async (connection) => {
    const values = ['a', 1, 1n, false, null];
    await callPrepared(connection, { ...ECHO, values });
    await callPrepared(hidden(connection), { ...ECHO, values });
    await callPrepared(connection, { ...ECHO, values });
    const { rows } = await connection.query({
      text: 'SELECT name, generic_plans + custom_plans AS runs FROM pg_prepared_statements',
    });
    expect(rows).toEqual([{ name: 'echo', runs: '3' }]);
  });
});

test('a call whose connection is lost says so, and so does one that comes after', async () => {
  await using database = await createTestDatabase();
  await using pool = createPool(database.url);
  const connection = await pool.connect();
  connection.on('error', () => {});
  const text = 'SELECT pg_terminate_backend(pg_backend_pid())';
  const call = (): Promise<unknown> =>
    callPrepared(connection, { name: 'gone', text, values: [] }).catch((error: unknown) => error);
  const lost = [await call(), await call()];
  connection.release(true);
  expect(lost.map(isConnectionLoss)).toEqual([true, true]);
});

test('a time limit of the driver ends a call', async () => {
  await using database = await createTestDatabase();
  await using pool = createPool(database.url);
  await onConnection(pool, async (connection) => {
    const limited = Object.assign(connection, {
      connectionParameters: { ...driverParameters(connection), query_timeout: 50 },
    });
    const call = { name: 'sleep', text: 'SELECT pg_sleep(0.3)', values: [] };
    await expect(callPrepared(limited, call)).rejects.toThrow('Query read timeout');
  });
});

function driverParameters(connection: object): object {
  return 'connectionParameters' in connection && connection.connectionParameters instanceof Object
    ? connection.connectionParameters
    : {};
}
