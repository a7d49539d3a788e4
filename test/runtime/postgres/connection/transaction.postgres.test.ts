import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPool, inTransaction, type ManagedPostgresPool } from 'potter-runtime/postgres';
import { simpleRetry } from 'potter-runtime/foundation';
import { deferred } from '../../../support/deferred.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';

let database: TestDatabase;
let pool: ManagedPostgresPool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.url, { maxConnections: 4 });
  await database.pool.query('CREATE TABLE account (id int PRIMARY KEY, cents int NOT NULL)');
});

beforeEach(async () => {
  await database.pool.query('TRUNCATE account');
  await database.pool.query('INSERT INTO account VALUES (1, 100), (2, 100)');
});

afterAll(async () => {
  await pool.close();
  await database.close();
});

async function centsOf(id: number): Promise<unknown> {
  const result = await database.pool.query<{ cents: number }>(
    'SELECT cents FROM account WHERE id = $1',
    [id],
  );
  return result.rows[0]?.cents;
}

test('what the work wrote is kept when it returns, with its result', async () => {
  const answer = await inTransaction(pool, async (transaction) => {
    await transaction.query({ text: 'UPDATE account SET cents = 1 WHERE id = 1' });
    return 'done';
  });
  expect([answer, await centsOf(1)]).toEqual(['done', 1]);
});

test('what the work wrote is gone when it throws, and its error arrives unchanged', async () => {
  const mine = new Error('mine');
  const attempt = inTransaction(pool, async (transaction) => {
    await transaction.query({ text: 'UPDATE account SET cents = 1 WHERE id = 1' });
    throw mine;
  });
  await expect(attempt).rejects.toBe(mine);
  expect(await centsOf(1)).toBe(100);
});

test('an error of the server carries its SQLSTATE and the constraint', async () => {
  const attempt = inTransaction(pool, (transaction) =>
    transaction.query({ text: 'INSERT INTO account VALUES (1, 1)' }),
  );
  await expect(attempt).rejects.toMatchObject({
    code: 'DATABASE_ERROR',
    details: { sqlState: '23505', constraint: 'account_pkey' },
  });
});

test('a dropped statement error does not pass for a commit', async () => {
  const attempt = inTransaction(pool, async (transaction) => {
    await transaction.query({ text: 'UPDATE account SET cents = 1 WHERE id = 1' });
    await transaction.query({ text: 'SELECT 1 / 0' }).catch(() => {});
  });
  await expect(attempt).rejects.toMatchObject({ code: 'DATABASE_ERROR' });
  expect(await centsOf(1)).toBe(100);
});

test('a read-only transaction refuses writes', async () => {
  const attempt = inTransaction(
    pool,
    (transaction) => transaction.query({ text: 'UPDATE account SET cents = 1' }),
    { readOnly: true },
  );
  await expect(attempt).rejects.toMatchObject({ details: { sqlState: '25006' } });
});

test('an aborted caller gets neither a transaction nor a commit', async () => {
  const controller = new AbortController();
  const attempt = inTransaction(
    pool,
    async (transaction) => {
      await transaction.query({ text: 'UPDATE account SET cents = 1 WHERE id = 1' });
      controller.abort();
    },
    { signal: controller.signal },
  );
  await expect(attempt).rejects.toMatchObject({ code: 'ABORTED' });
  expect(await centsOf(1)).toBe(100);
  await expect(
    inTransaction(pool, async () => 'never', { signal: controller.signal }),
  ).rejects.toMatchObject({ code: 'ABORTED' });
});

/** Both read before either writes, on their first attempt. */
async function writeSkew(retry: boolean): Promise<PromiseSettledResult<void>[]> {
  let readers = 0;
  const bothRead = deferred();
  const move = (from: number, to: number): Promise<void> =>
    inTransaction(
      pool,
      async (transaction) => {
        await transaction.query({
          text: 'SELECT cents FROM account WHERE id = $1',
          values: [from],
        });
        readers += 1;
        if (readers >= 2) bothRead.resolve();
        await bothRead.promise;
        await transaction.query({
          text: 'UPDATE account SET cents = cents + 1 WHERE id = $1',
          values: [to],
        });
      },
      {
        isolation: 'serializable',
        ...(retry ? { retry: simpleRetry({ maxAttempts: 5, delay: 5, jitter: 'full' }) } : {}),
      },
    );
  return Promise.allSettled([move(1, 2), move(2, 1)]);
}

describe('two serializable transactions that read what the other writes', () => {
  test('one fails with 40001 when nobody asked for a retry', async () => {
    const outcomes = await writeSkew(false);
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(failures).toHaveLength(1);
    expect(failures[0]?.reason).toMatchObject({ details: { sqlState: '40001' } });
  });

  test('both succeed with a retry', async () => {
    const outcomes = await writeSkew(true);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled']);
    expect([await centsOf(1), await centsOf(2)]).toEqual([101, 101]);
  });
});

test('a connection killed between two statements fails the transaction, not the process, and is not reused', async () => {
  await using single = createPool(database.url, { maxConnections: 1 });
  const attempt = inTransaction(single, async (transaction) => {
    const { rows } = await transaction.query<{ pid: number }>({
      text: 'SELECT pg_backend_pid() AS pid',
    });
    await database.pool.query('SELECT pg_terminate_backend($1, 5000)', [rows[0]?.pid]);
    await transaction.query({ text: 'SELECT 1' });
  });
  await expect(attempt).rejects.toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
    details: { target: expect.stringMatching(/^127\.0\.0\.1:\d+\/test_/) },
  });
  const next = await inTransaction(single, (transaction) =>
    transaction.query({ text: 'SELECT 1 AS one' }),
  );
  expect(next.rows).toEqual([{ one: 1 }]);
});

test('a connection that breaks in the commit leaves the outcome unknown, and says so', async () => {
  await database.pool.query(`
    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE TABLE doomed (id int);
    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON doomed
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die();
  `);
  const attempt = inTransaction(pool, (transaction) =>
    transaction.query({ text: 'INSERT INTO doomed VALUES (1)' }),
  );
  await expect(attempt).rejects.toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
    details: { outcome: 'unknown' },
  });
});

test('work within a transaction joins it: nothing is there until whoever began it commits', async () => {
  await database.pool.query('CREATE TABLE joined (id int)');
  const undone = inTransaction(pool, async (outer) => {
    await inTransaction(pool, (inner) => inner.query({ text: 'INSERT INTO joined VALUES (1)' }), {
      within: outer,
    });
    throw new Error('the larger unit failed');
  });
  await expect(undone).rejects.toThrow('the larger unit failed');
  const { rows } = await database.pool.query('SELECT * FROM joined');
  expect(rows).toEqual([]);
});
