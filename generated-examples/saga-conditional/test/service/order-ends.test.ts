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

async function place(orderId: string): Promise<void> {
  const order = { orderId, sagaId: 'saga-1', details: DETAILS };
  await inTransaction(database.pool, (tx) => orders.place(tx, order));
}

test('an order is completed once', async () => {
  await place('order-1');
  await complete('order-1');
  expect(await orders.find('order-1')).toEqual({
    orderId: 'order-1',
    sagaId: 'saga-1',
    status: 'completed',
    details: DETAILS,
    fulfilment: FULFILMENT,
    cancelledBecause: null,
  });
  await expect(complete('order-1')).rejects.toMatchObject({ code: 'ORDER_NOT_PLACED' });
});

test('an order is cancelled once, placed or completed, and stays so', async () => {
  await place('order-2');
  await place('order-3');
  await complete('order-3');
  for (const orderId of ['order-2', 'order-3']) {
    await cancel(orderId);
    const cancelled = { status: 'cancelled', fulfilment: null, cancelledBecause: 'SAGA_CANCELLED' };
    expect(await orders.find(orderId)).toMatchObject(cancelled);
    await expect(cancel(orderId)).rejects.toMatchObject({ code: 'ORDER_CANCELLED' });
    await expect(complete(orderId)).rejects.toMatchObject({ code: 'ORDER_NOT_PLACED' });
  }
});
