import { expect, test } from 'vitest';
import { Client } from 'pg';
import { createTestDatabase } from '../../support/database.ts';

test('every test database is empty and of its own', async () => {
  await using first = await createTestDatabase();
  await using second = await createTestDatabase();
  await first.pool.query('CREATE TABLE only_here (id int)');
  const there = await second.pool.query("SELECT to_regclass('only_here') AS found");
  expect(there.rows).toEqual([{ found: null }]);
});

test('a connection that is left open is reported when the database is closed', async () => {
  const database = await createTestDatabase();
  const leaked = new Client({ connectionString: database.url });
  leaked.on('error', () => {});
  await leaked.connect();
  await leaked.query("SELECT 'left behind'");
  await expect(database.close()).rejects.toThrow(/1 connection\(s\) leaked.*left behind/);
});
