import { PostgresSagaStore, type PostgresTransaction } from 'potter-runtime/postgres';
import { sagaStoreContract } from '../../../runtime/src/testing/contracts/saga-store-contract.ts';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

let database: TestDatabase;
let store: PostgresSagaStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas'] });
  store = new PostgresSagaStore({ pool: database.pool });
});

afterAll(async () => {
  await store.close();
  await database.close();
});

async function expire(workerId: string): Promise<void> {
  await database.pool.query(
    `UPDATE potter.saga_workers SET expires_at = clock_timestamp() - interval '1 ms' WHERE worker_id = $1`,
    [workerId],
  );
}

describe('the contract of saga stores, on PostgreSQL', () => {
  const rules = sagaStoreContract<PostgresTransaction>(() => ({ store, expire }));
  test.each(rules.map(({ name, run }) => ({ name, run })))('$name', async ({ run }) => {
    await run();
  });
});
