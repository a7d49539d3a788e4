import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api } from '../../scripts/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { effectsOf, historyOf, settled } from '../support/sagas.ts';
import { anOrder, start } from '../support/scenarios.ts';
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

const ALL_DONE = ['reserve-inventory', 'process-payment', 'create-shipment'];

interface Stock {
  readonly available: number;
  readonly reserved: number;
}
const stockOf = async (productId: string): Promise<Stock> =>
  (await api.get<Stock>(`/api/v1/inventory/${productId}`)).body;

describe('an order that can be fulfilled', () => {
  test('is completed', async () => {
    const before = await stockOf('product-1');
    const { sagaId, orderId } = await start(api);
    expect(await settled(api, sagaId)).toMatchObject({
      sagaId,
      definition: 'order-saga',
      definitionVersion: 1,
      status: 'completed',
      currentStep: null,
      error: null,
      input: { orderId, totalCents: 1_000 },
      results: {
        'reserve-inventory': { pieces: { 'product-1': 1 } },
        'process-payment': { paymentId: expect.any(String) },
        'create-shipment': { trackingNumber: expect.stringMatching(/^TRK-/) },
      },
    });
    expect(await effectsOf(api, sagaId)).toEqual(ALL_DONE);
    expect(await stockOf('product-1')).toMatchObject({
      available: before.available - 1,
      reserved: before.reserved + 1,
    });

    const order = await api.get(`/api/v1/orders/${orderId}`);
    expect(order.headers.get('etag')).toBe('"2"');
    expect(order.body).toMatchObject({
      orderId,
      status: 'completed',
      version: 2,
      customerId: 'customer-1',
      totalCents: 1_000,
      shippingCountry: 'DE',
      cancelledBecause: null,
    });
    const events = await api.get<{ events: object[] }>(`/api/v1/orders/${orderId}/events`);
    expect(events.body.events).toMatchObject([{ type: 'OrderPlaced' }, { type: 'OrderCompleted' }]);
  });

  test('goes on through the failures of a flaky payment, and the history shows every attempt', async () => {
    const { sagaId } = await start(api, { paymentToken: 'flaky' });
    expect(await settled(api, sagaId)).toMatchObject({ status: 'completed' });
    const payments = (await historyOf(api, sagaId)).filter(
      ({ step }) => step === 'process-payment',
    );
    expect(payments).toMatchObject([
      { attempt: 1, status: 'failed', error: { code: 'PAYMENT_PROVIDER_DOWN' } },
      { attempt: 2, status: 'failed', error: { code: 'PAYMENT_PROVIDER_DOWN' } },
      { attempt: 3, status: 'completed', error: null },
    ]);
    expect(await effectsOf(api, sagaId)).toEqual(ALL_DONE);
  });

  test('carries one correlation id from the request to the last event', async () => {
    const correlation = { 'x-correlation-id': 'order-from-the-test' };
    const { body } = await api.post<{ sagaId: string; orderId: string }>(
      '/api/v1/orders',
      anOrder(),
      correlation,
    );
    expect(await settled(api, body.sagaId)).toMatchObject({ correlationId: 'order-from-the-test' });
    const { events } = (
      await api.get<{ events: object[] }>(`/api/v1/orders/${body.orderId}/events`)
    ).body;
    expect(events).toMatchObject([
      { metadata: { correlationId: 'order-from-the-test' } },
      { metadata: { correlationId: 'order-from-the-test', causationId: body.sagaId } },
    ]);
  });
});

describe('an order that cannot be fulfilled is undone and cancelled', () => {
  const items = (productId: string, quantity: number) => [{ productId, quantity, priceCents: 100 }];
  test.each([
    ['INSUFFICIENT_STOCK', 'reserve-inventory', { items: items('product-3', 1) }, []],
    [
      'INSUFFICIENT_STOCK',
      'reserve-inventory',
      { items: [...items('product-2', 3), ...items('product-2', 3)] },
      [],
    ],
    ['PRODUCT_NOT_FOUND', 'reserve-inventory', { items: items('product-x', 1) }, []],
    [
      'PAYMENT_DECLINED',
      'process-payment',
      { paymentToken: 'declined' },
      ['reserve-inventory', 'release-inventory'],
    ],
    [
      'PAYMENT_DECLINED',
      'process-payment',
      { items: [{ productId: 'product-1', quantity: 1, priceCents: 1_000_001 }] },
      ['reserve-inventory', 'release-inventory'],
    ],
    [
      'SHIPPING_UNAVAILABLE',
      'create-shipment',
      { shippingCountry: 'AQ' },
      ['reserve-inventory', 'process-payment', 'refund-payment', 'release-inventory'],
    ],
  ])('%s at %s', async (code, step, changes, effects) => {
    const before = await Promise.all(['product-1', 'product-2'].map(stockOf));
    const { sagaId, orderId } = await start(api, changes);
    expect(await settled(api, sagaId)).toMatchObject({
      status: 'compensated',
      error: { code, step },
    });
    expect(await effectsOf(api, sagaId)).toEqual(effects);
    expect(await Promise.all(['product-1', 'product-2'].map(stockOf))).toEqual(before);
    expect((await api.get(`/api/v1/orders/${orderId}`)).body).toMatchObject({
      status: 'cancelled',
      cancelledBecause: code,
      version: 2,
    });
  });

  test('in the reverse order of the steps, as its history tells', async () => {
    const { sagaId } = await start(api, { shippingCountry: 'AQ' });
    await settled(api, sagaId);
    expect(
      (await historyOf(api, sagaId)).map(({ step, kind, status }) => `${kind} ${step} ${status}`),
    ).toEqual([
      'step reserve-inventory completed',
      'step process-payment completed',
      'step create-shipment failed',
      'compensation create-shipment compensated',
      'compensation process-payment compensated',
      'compensation reserve-inventory compensated',
      'compensation place-order compensated',
    ]);
  });
});

describe('asking', () => {
  test('to cancel undoes what was done', async () => {
    // Nothing that a test does takes as long as this payment.
    const { sagaId, orderId } = await start(api, { paymentToken: 'slow' });
    const cancelled = await api.post(`/api/v1/sagas/${sagaId}/cancel`);
    expect(cancelled.status).toBe(202);
    expect(await settled(api, sagaId)).toMatchObject({
      status: 'compensated',
      error: { code: 'SAGA_CANCELLED' },
    });
    expect((await api.get(`/api/v1/orders/${orderId}`)).body).toMatchObject({
      status: 'cancelled',
      cancelledBecause: 'SAGA_CANCELLED',
    });
    const effects = await effectsOf(api, sagaId);
    expect(effects).not.toContain('create-shipment');
    expect(effects.filter((effect) => effect === 'release-inventory')).toHaveLength(
      effects.filter((effect) => effect === 'reserve-inventory').length,
    );
  });

  test('for the events of an order that was never placed finds nothing', async () => {
    expect(await api.get('/api/v1/orders/nothing/events')).toMatchObject({
      status: 404,
      body: { code: 'ORDER_NOT_FOUND' },
    });
  });

  test.each([
    ['no items', { items: [] }],
    ['half a piece', { items: [{ productId: 'product-1', quantity: 0.5, priceCents: 1 }] }],
    ['a negative price', { items: [{ productId: 'product-1', quantity: 1, priceCents: -1 }] }],
    ['a price as text', { items: [{ productId: 'product-1', quantity: 1, priceCents: '1' }] }],
  ])('for %s is refused before anything happens', async (_what, changes) => {
    const answer = await api.post('/api/v1/orders', anOrder(changes));
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'VALIDATION_FAILED', errors: expect.arrayContaining([expect.anything()]) },
    });
  });
});
