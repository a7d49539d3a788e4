import { inTransaction } from 'potter-runtime/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PostgresOrders } from '../../src/infrastructure/postgres-orders.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { DETAILS, FULFILMENT } from '../support/scenarios.ts';

let database: TestDatabase;
let orders: PostgresOrders;

beforeAll(async () => {
  database = await createTestDatabase();
  orders = new PostgresOrders(database.pool);
});

afterAll(async () => database?.[Symbol.asyncDispose]());

const complete = (orderId: string): Promise<void> =>
  inTransaction(database.pool, (tx) => orders.complete(tx, orderId, FULFILMENT));
const cancel = (orderId: string): Promise<void> =>
  inTransaction(database.pool, (tx) => orders.cancel(tx, orderId, 'SAGA_CANCELLED'));

test.each([
  ['completed', complete],
  ['cancelled', cancel],
])('an order that is %s stays so', async (status, end) => {
  const order = { orderId: status, sagaId: 'saga-1', details: DETAILS };
  await inTransaction(database.pool, (tx) => orders.place(tx, order));
  await end(status);
  const ended = await orders.find(status);
  expect(ended).toMatchObject({ ...order, status });
  await expect(complete(status)).rejects.toMatchObject({ code: 'ORDER_NOT_OPEN' });
  await expect(cancel(status)).rejects.toMatchObject({ code: 'ORDER_NOT_OPEN' });
  expect(await orders.find(status)).toEqual(ended);
});
