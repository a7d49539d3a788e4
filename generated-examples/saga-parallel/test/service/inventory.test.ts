import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Api } from '../../scripts/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { settled } from '../support/sagas.ts';
import { start } from '../support/scenarios.ts';
import { type RunningService, startService } from '../support/service.ts';

let database: TestDatabase;
let service: RunningService;
let api: Api;

beforeAll(async () => {
  database = await createTestDatabase();
  service = await startService({ DATABASE_URL: database.url, LOG_LEVEL: 'info' });
  ({ api } = service);
});

afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

test('no more is sold than there is, however many ask at once', async () => {
  const items = [{ productId: 'product-2', quantity: 1, priceCents: 10 }];
  const orders = await Promise.all(Array.from({ length: 12 }, () => start(api, { items })));
  const sagas = await Promise.all(orders.map(({ sagaId }) => settled(api, sagaId)));
  expect(sagas.filter(({ status }) => status === 'completed')).toHaveLength(5);
  expect(sagas.filter(({ error }) => error?.code === 'INSUFFICIENT_STOCK')).toHaveLength(7);
  const stock = await api.get('/api/v1/inventory/product-2');
  expect(stock.body).toEqual({ productId: 'product-2', available: 0, reserved: 5 });
});

test('a product that nobody knows has no stock', async () => {
  expect(await api.get('/api/v1/inventory/nothing')).toMatchObject({
    status: 404,
    body: { code: 'PRODUCT_NOT_FOUND' },
  });
});
