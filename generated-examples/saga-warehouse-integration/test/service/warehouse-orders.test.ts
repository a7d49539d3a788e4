import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Api } from '../../scripts/api.ts';
import { flawsOf } from '../support/all-or-nothing.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { effectsOf, historyOf, settled } from '../support/sagas.ts';
import { type Accepted, anOrder, lines, SLOW, start } from '../support/scenarios.ts';
import { type RunningService, startService } from '../support/service.ts';
import { expectWholeShelves } from '../support/warehouses.ts';

let database: TestDatabase;
let service: RunningService;
let api: Api;

beforeAll(async () => {
  database = await createTestDatabase();
  service = await startService({ DATABASE_URL: database.url, LOG_LEVEL: 'info' });
  ({ api } = service);
});

afterEach(() => expectWholeShelves(database));

afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

const stock = async (warehouseId: string, sku = 'sku-1'): Promise<unknown> =>
  (await api.get(`/api/v1/warehouses/${warehouseId}/stock/${sku}`)).body;
const all = (): Promise<readonly unknown[]> =>
  Promise.all(['east', 'west', 'north'].map((id) => stock(id)));

describe('an order', () => {
  test('is reserved in every warehouse and paid', async () => {
    const before = await all();
    const { sagaId } = await start(api, { lines: lines(2, 'east', 'west', 'north') });
    expect(await settled(api, sagaId)).toMatchObject({
      definition: 'warehouse-order',
      status: 'completed',
      error: null,
      results: {
        'validate-order': { totalCents: 6 * 1_999 },
        'reserve-warehouses': {
          transactionId: `${sagaId}:reserve-warehouses`,
          results: Object.fromEntries(
            ['east', 'west', 'north'].map((id) => [id, { pieces: { 'sku-1': 2 } }]),
          ),
        },
        'process-payment': { paymentId: expect.any(String) },
      },
    });
    const more = before.map((each) => {
      const { onHand, reserved } = each as { onHand: number; reserved: number };
      return { onHand, reserved: reserved + 2 };
    });
    expect(await all()).toEqual(more);
  });

  test('whose payment stumbles is paid at the third attempt', async () => {
    const { sagaId } = await start(api, SLOW);
    expect(await settled(api, sagaId)).toMatchObject({ status: 'completed' });
    const payments = (await historyOf(api, sagaId)).filter(
      ({ step }) => step === 'process-payment',
    );
    expect(payments.map(({ status }) => status)).toEqual(['failed', 'failed', 'completed']);
  });

  test.each([
    ['PAYMENT_DECLINED', 'process-payment', { paymentToken: 'declined' }],
    [
      'PAYMENT_DECLINED',
      'process-payment',
      { lines: [{ warehouseId: 'east', sku: 'sku-2', quantity: 9 }] },
    ],
    [
      'INSUFFICIENT_STOCK',
      'reserve-warehouses',
      { lines: [...lines(1, 'east', 'west'), ...lines(51, 'north')] },
    ],
    [
      'INSUFFICIENT_STOCK',
      'reserve-warehouses',
      { lines: [...lines(51, 'east'), ...lines(1, 'north')] },
    ],
    [
      'SKU_NOT_FOUND',
      'reserve-warehouses',
      { lines: [{ warehouseId: 'west', sku: 'sku-2', quantity: 1 }, ...lines(1, 'east')] },
    ],
    [
      'SKU_NOT_FOUND',
      'validate-order',
      { lines: [{ warehouseId: 'east', sku: 'sku-9', quantity: 1 }] },
    ],
    ['WAREHOUSE_NOT_FOUND', 'validate-order', { lines: lines(1, 'east', 'south') }],
  ])('that ends with %s at %s reserves nothing anywhere', async (code, step, changes) => {
    const before = await all();
    const { sagaId } = await start(api, changes);
    const saga = await settled(api, sagaId);
    expect(saga).toMatchObject({ status: 'compensated', error: { code, step } });
    expect(flawsOf(saga, await effectsOf(api, sagaId))).toEqual([]);
    expect(await all()).toEqual(before);
  });

  test('for more than there is, many at once: each is served by all its warehouses or by none', async () => {
    const reservedIn = async (): Promise<readonly number[]> =>
      (await all()).map((each) => (each as { readonly reserved: number }).reserved);
    const before = await reservedIn();
    const ways = [
      ['east', 'north', 'west'],
      ['west', 'north', 'east'],
    ];
    const orders = await Promise.all(
      Array.from({ length: 12 }, (_, at) =>
        start(api, { lines: lines(6, ...(ways[at % 2] ?? [])) }),
      ),
    );
    const sagas = await Promise.all(orders.map(({ sagaId }) => settled(api, sagaId)));
    const served = sagas.filter(({ status }) => status === 'completed').length;
    const refused = sagas.filter(({ error }) => error?.code === 'INSUFFICIENT_STOCK').length;
    expect([served + refused, served > 0, refused > 0]).toEqual([12, true, true]);
    expect(await reservedIn()).toEqual(before.map((reserved) => reserved + 6 * served));
  });

  test('is placed once, however often the request comes with its key', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const order = anOrder({ lines: lines(1, 'east'), paymentToken: 'declined' });
    const place = () => api.post<Accepted>('/api/v1/warehouse-orders', order, headers);
    const answers = await Promise.all([place(), place(), place()]);
    const again = await place();
    expect(new Set([...answers, again].map(({ body }) => body.sagaId)).size).toBe(1);
    expect(again.headers.get('location')).toBe(`/api/v1/sagas/${again.body.sagaId}`);
    await settled(api, again.body.sagaId);
    const other = await api.post('/api/v1/warehouse-orders', anOrder(), headers);
    expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
  });

  test.each([
    ['no lines', { lines: [] }],
    ['half a piece', { lines: lines(0.5, 'east') }],
    ['an unknown field', { coupon: 'FREE' }],
    ['no customer', { customerId: undefined }],
  ])('with %s is refused before anything happens', async (_what, changes) => {
    const answer = await api.post('/api/v1/warehouse-orders', anOrder(changes));
    expect(answer).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
  });
});

test('shelves that are not there are not found', async () => {
  expect(await stock('east', 'sku-2')).toMatchObject({ onHand: 10 });
  const nowhere = await api.get('/api/v1/warehouses/south/stock/sku-1');
  expect(nowhere).toMatchObject({ status: 404, body: { code: 'WAREHOUSE_NOT_FOUND' } });
  for (const warehouseId of ['east', 'north']) {
    const nothing = await api.get(`/api/v1/warehouses/${warehouseId}/stock/sku-9`);
    expect(nothing).toMatchObject({ status: 404, body: { code: 'SKU_NOT_FOUND' } });
  }
});
