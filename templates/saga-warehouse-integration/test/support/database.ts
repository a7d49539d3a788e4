import { randomUUID } from 'node:crypto';
import { silentLogger } from 'potter-runtime/foundation';
import { projectMigrator } from 'potter-runtime/migrations';
import { createPool, type ManagedPostgresPool } from 'potter-runtime/postgres';
import { inject } from 'vitest';
import { WAREHOUSES } from '../../src/domain/warehouse-order.ts';
import { besideOrders, WarehouseDatabases } from '../../src/infrastructure/warehouse-databases.ts';

/** A test that waits for ever is ended by its own timeout. */
const NEVER = new AbortController().signal;

/** The databases of one test file's own: that of the orders, and one a warehouse. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly pool: ManagedPostgresPool;
  /** Of a warehouse. */
  warehousePool(warehouseId: string): ManagedPostgresPool;
}

/** Makes a database on the server of this run and migrates it. Whoever asked for it disposes of it. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = inject('serverUrl');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await using server = createPool(serverUrl, { maxConnections: 1 });
  await server.query({ text: `CREATE DATABASE ${name}` });
  const address = new URL(serverUrl);
  address.pathname = `/${name}`;
  const url = address.href;
  await (await projectMigrator({ databaseUrl: url })).up();
  const pool = createPool(url);
  const warehouses = WAREHOUSES.map((id) => {
    const warehouseUrl = besideOrders(url, id);
    return { id, url: warehouseUrl, pool: createPool(warehouseUrl, { maxConnections: 2 }) };
  });
  await new WarehouseDatabases(pool, warehouses, silentLogger).setUp(NEVER);
  return {
    url,
    pool,
    warehousePool: (warehouseId) => {
      const found = warehouses.find(({ id }) => id === warehouseId);
      if (found === undefined) throw new Error(`There is no warehouse ${warehouseId}.`);
      return found.pool;
    },
    async [Symbol.asyncDispose]() {
      await pool.close();
      for (const warehouse of warehouses) await warehouse.pool.close();
      await using again = createPool(serverUrl, { maxConnections: 1 });
      // Fails while anything is prepared in one of them: that would be a leak.
      for (const each of [name, ...WAREHOUSES.map((id) => `${name}_${id}`)]) {
        await again.query({ text: `DROP DATABASE IF EXISTS ${each} WITH (FORCE)` });
      }
    },
  };
}
