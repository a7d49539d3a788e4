import { PostgresProjectionStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { projectionStoreContract } from 'potter-runtime/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';

let database: TestDatabase;
let store: PostgresProjectionStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['projections'] });
  store = new PostgresProjectionStore({ pool: database.pool });
});

afterAll(() => database.close());

describe('PostgreSQL projection store', () => {
  let tables = 0;
  const rules = projectionStoreContract<PostgresTransaction>(() => ({
    store,
    makeTable: async () => {
      const table = `potter.contract_${(tables += 1)}`;
      await database.pool.query(
        `CREATE TABLE ${table} (key text PRIMARY KEY, value text NOT NULL) WITH (fillfactor = 70)`,
      );
      return table;
    },
    put: async (transaction, table, key, value) => {
      await transaction.query({
        text: `INSERT INTO ${table} VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
        values: [key, value],
      });
    },
    rows: async (table) => {
      const { rows } = await database.pool.query<{ row: string }>(
        `SELECT key || '=' || value AS row FROM ${table} ORDER BY key`,
      );
      return rows.map(({ row }) => row);
    },
    expire: async ({ name, generation }) => {
      await database.pool.query(
        `UPDATE potter.projections SET expires_at = now() - interval '1 second' WHERE name = $1 AND generation = $2`,
        [name, generation],
      );
    },
  }));

  test.each(rules)('$name', async ({ run }) => {
    await run();
    expect(rules.length).toBeGreaterThan(8);
  });
});
