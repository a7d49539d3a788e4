import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Api } from '../../scripts/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import type { Accepted } from '../support/place-order.ts';
import { settled } from '../support/sagas.ts';
import { anOrder } from '../support/scenarios.ts';
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

test('an order is accepted at once, together with its saga, and says where to follow that', async () => {
  const headers = { 'x-correlation-id': 'order-from-the-test' };
  const accepted = await api.post<Accepted>('/api/v1/orders', anOrder(), headers);
  const { sagaId, orderId, status } = accepted.body;
  expect(accepted.status).toBe(202);
  expect(status).toMatch(/^(pending|running)$/);
  expect(accepted.headers.get('location')).toBe(`/api/v1/sagas/${sagaId}`);
  expect(await settled(api, sagaId)).toMatchObject({
    sagaId,
    input: { orderId },
    correlationId: 'order-from-the-test',
    finishedAt: expect.stringMatching(/Z$/),
  });
});

test('the same request with the same key places one order: at once, later, and after kill -9', async () => {
  const correlationId = randomUUID();
  const headers = { 'idempotency-key': randomUUID(), 'x-correlation-id': correlationId };
  const placed = () => api.post<Accepted>('/api/v1/orders', anOrder(), headers);
  const answers = await Promise.all(Array.from({ length: 8 }, placed));
  const later = await placed();
  expect(later.headers.get('location')).toBe(`/api/v1/sagas/${later.body.sagaId}`);

  await service.kill();
  service = await startService({ DATABASE_URL: database.url, LOG_LEVEL: 'info' });
  ({ api } = service);
  const again = await placed();
  expect(again.status).toBe(202);
  expect(new Set([...answers, later, again].map(({ body }) => JSON.stringify(body))).size).toBe(1);
  const { rows } = await database.pool.query({
    text: 'SELECT saga_id FROM potter.sagas WHERE correlation_id = $1',
    values: [correlationId],
  });
  expect(rows).toHaveLength(1);
  const other = await api.post('/api/v1/orders', anOrder({ customerId: 'customer-2' }), headers);
  expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
});

test.each([
  ['an unknown field', { coupon: 'FREE' }],
  ['no customer', { customerId: undefined }],
  ['a customer who is a number', { customerId: 7 }],
  ['a country without a name', { shippingCountry: '' }],
])('an order with %s is refused before anything happens', async (_what, changes) => {
  const answer = await api.post('/api/v1/orders', anOrder(changes));
  expect(answer).toMatchObject({
    status: 422,
    body: { code: 'VALIDATION_FAILED', errors: expect.arrayContaining([expect.anything()]) },
  });
});

test('an order that is not JSON, or too long, is refused', async () => {
  const send = (body: string, type: string): Promise<Response> =>
    fetch(`${service.url}/api/v1/orders`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
  expect((await send('{"customerId"', 'application/json')).status).toBe(400);
  expect((await send('customerId=1', 'text/csv')).status).toBe(415);
  expect((await send(`"${'x'.repeat(1 << 20)}"`, 'application/json')).status).toBe(413);
});

test('an order that was never placed is not found', async () => {
  expect(await api.get('/api/v1/orders/nothing')).toMatchObject({
    status: 404,
    body: { code: 'ORDER_NOT_FOUND' },
  });
});
