import { inTransaction } from 'potter-runtime/postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api } from '../../scripts/api.ts';
import { flawsOf } from '../support/all-or-nothing.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type Attempt, effectsOf, historyOf, settled } from '../support/sagas.ts';
import { anOrder, ASLEEP, SLOW, start } from '../support/scenarios.ts';
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

const BRANCHES = ['check-credit', 'reserve-inventory', 'quote-delivery'];
const stockOf = async (productId: string): Promise<unknown> =>
  (await api.get(`/api/v1/inventory/${productId}`)).body;
const heldCentsOf = async (customerId: string): Promise<number> => {
  const { rows } = await database.pool.query<{ held: number }>({
    text: `SELECT coalesce(sum(amount_cents), 0)::int AS held FROM credit_holds
           WHERE customer_id = $1 AND released_at IS NULL`,
    values: [customerId],
  });
  return rows[0]?.held ?? 0;
};
/** When the first attempt of a step began and the last one ended, in ms. */
function spanOf(history: readonly Attempt[], step: string): readonly [number, number] {
  const attempts = history.filter((attempt) => attempt.kind === 'step' && attempt.step === step);
  return [
    Math.min(...attempts.map(({ startedAt }) => Date.parse(startedAt))),
    Math.max(...attempts.map(({ finishedAt }) => Date.parse(finishedAt ?? ''))),
  ];
}

describe('an order that all agree to', () => {
  test('is confirmed with all three results', async () => {
    const { sagaId, orderId } = await start(api);
    expect(await settled(api, sagaId)).toMatchObject({
      sagaId,
      definition: 'parallel-order-saga',
      status: 'completed',
      currentStep: null,
      error: null,
      input: { orderId, customerId: 'customer-1' },
      results: {
        'validate-order': { totalCents: 1_000, pieces: 1 },
        'check-credit': { holdId: expect.any(String), amountCents: 1_000 },
        'reserve-inventory': { pieces: { 'product-1': 1 } },
        'quote-delivery': { quoteId: expect.any(String), deliveryCents: 540, deliveryDays: 3 },
      },
    });
    expect([...(await effectsOf(api, sagaId))].sort()).toEqual([...BRANCHES].sort());
    expect((await api.get(`/api/v1/orders/${orderId}`)).body).toEqual({
      orderId,
      sagaId,
      status: 'completed',
      customerId: 'customer-1',
      items: [{ productId: 'product-1', quantity: 1, priceCents: 1_000 }],
      shippingCountry: 'DE',
      fulfilment: { totalCents: 1_000, deliveryCents: 540, deliveryDays: 3 },
      cancelledBecause: null,
    });
  });

  test('takes as long as the slowest of the three, and the history shows them overlap', async () => {
    const { sagaId } = await start(api, SLOW);
    expect(await settled(api, sagaId)).toMatchObject({ status: 'completed' });
    const history = await historyOf(api, sagaId);
    // By the times of the history: a busy machine makes all of them longer.
    const spans = BRANCHES.map((step) => spanOf(history, step));
    const lastStart = Math.max(...spans.map(([from]) => from));
    const firstEnd = Math.min(...spans.map(([, to]) => to));
    expect(lastStart).toBeLessThanOrEqual(firstEnd);
    const slowest = Math.max(...spans.map(([from, to]) => to - from));
    const whole = Math.max(...spans.map(([, to]) => to)) - Math.min(...spans.map(([from]) => from));
    expect(slowest).toBeGreaterThanOrEqual(1_000);
    expect(whole).toBeLessThan(1.3 * slowest);
  });
});

describe('an order that somebody says no to is undone and cancelled', () => {
  const items = (productId: string, quantity: number, priceCents = 100) => [
    { productId, quantity, priceCents },
  ];
  test.each([
    ['NOTHING_TO_PAY', 'validate-order', { items: items('product-1', 1, 0) }],
    ['TOO_MANY_PIECES', 'validate-order', { items: items('product-1', 1_001) }],
    ['CREDIT_LIMIT_EXCEEDED', 'check-credit', { customerId: 'customer-over-limit' }],
    ['CREDIT_LIMIT_EXCEEDED', 'check-credit', { items: items('product-1', 1, 10_000_001) }],
    ['INSUFFICIENT_STOCK', 'reserve-inventory', { items: items('product-3', 1) }],
    ['PRODUCT_NOT_FOUND', 'reserve-inventory', { items: items('product-x', 1) }],
    ['SHIPPING_UNAVAILABLE', 'quote-delivery', { shippingCountry: 'AQ' }],
  ])('%s at %s', async (code, step, changes) => {
    const before = [await stockOf('product-1'), await heldCentsOf('customer-1')];
    const { sagaId, orderId } = await start(api, changes);
    const saga = await settled(api, sagaId);
    expect(saga).toMatchObject({ status: 'compensated', error: { code, step } });
    expect(flawsOf(saga, await effectsOf(api, sagaId))).toEqual([]);
    expect([await stockOf('product-1'), await heldCentsOf('customer-1')]).toEqual(before);
    expect((await api.get(`/api/v1/orders/${orderId}`)).body).toMatchObject({
      status: 'cancelled',
      cancelledBecause: code,
      fulfilment: null,
    });
  });

  test('at once: the branches that still run are stopped, not waited for', async () => {
    const { sagaId } = await start(api, { ...ASLEEP, items: items('product-3', 1) });
    const saga = await settled(api, sagaId);
    const history = await historyOf(api, sagaId);
    const endOf = (branch: string) =>
      history.findLast(({ kind, step }) => kind === 'step' && step === branch);
    expect(endOf('check-credit')).toMatchObject({
      status: 'failed',
      error: { code: 'SAGA_BRANCH_STOPPED' },
    });
    expect(endOf('reserve-inventory')).toMatchObject({
      status: 'failed',
      error: { code: 'INSUFFICIENT_STOCK' },
    });
    const undone = history.filter(({ kind }) => kind === 'compensation');
    expect(undone.map(({ status }) => status)).toEqual(undone.map(() => 'compensated'));
    expect(undone.map(({ step }) => step).sort()).toEqual([...BRANCHES, 'place-order'].sort());
    const effects = await effectsOf(api, sagaId);
    expect(effects).not.toContain('check-credit');
    expect(flawsOf(saga, effects)).toEqual([]);
  });

  test('also where it was done: one branch says no after the others have agreed', async () => {
    const customerId = 'customer-new';
    const sagaId = await inTransaction(database.pool, async (tx) => {
      // The credit service finds the customer's row locked, and waits for it.
      await tx.query({
        text: 'INSERT INTO credit_limits (customer_id, limit_cents) VALUES ($1, 0)',
        values: [customerId],
      });
      const accepted = await start(api, { customerId });
      await expect
        .poll(async () => [...(await effectsOf(api, accepted.sagaId))].sort())
        .toEqual(['quote-delivery', 'reserve-inventory']);
      return accepted.sagaId;
    });
    const saga = await settled(api, sagaId);
    expect(saga).toMatchObject({ status: 'compensated', error: { step: 'check-credit' } });
    const effects = await effectsOf(api, sagaId);
    expect([...effects].sort()).toEqual([
      'cancel-quote',
      'quote-delivery',
      'release-inventory',
      'reserve-inventory',
    ]);
    expect(flawsOf(saga, effects)).toEqual([]);
  });
});

describe('asking', () => {
  test('to cancel stops the branches and undoes what was done', async () => {
    const { sagaId, orderId } = await start(api, ASLEEP);
    expect((await api.post(`/api/v1/sagas/${sagaId}/cancel`)).status).toBe(202);
    const saga = await settled(api, sagaId);
    expect(saga).toMatchObject({ status: 'compensated', error: { code: 'SAGA_CANCELLED' } });
    expect(flawsOf(saga, await effectsOf(api, sagaId))).toEqual([]);
    expect((await api.get(`/api/v1/orders/${orderId}`)).body).toMatchObject({
      status: 'cancelled',
      cancelledBecause: 'SAGA_CANCELLED',
    });
  });

  test.each([
    ['no items', { items: [] }],
    ['half a piece', { items: [{ productId: 'product-1', quantity: 0.5, priceCents: 1 }] }],
    ['a negative price', { items: [{ productId: 'product-1', quantity: 1, priceCents: -1 }] }],
  ])('for %s is refused before anything happens', async (_what, changes) => {
    const answer = await api.post('/api/v1/orders', anOrder(changes));
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'VALIDATION_FAILED', errors: expect.arrayContaining([expect.anything()]) },
    });
  });
});

test('credit is not lent twice, however many orders ask at once', async () => {
  const items = [{ productId: 'product-1', quantity: 1, priceCents: 4_000_000 }];
  const orders = await Promise.all(
    Array.from({ length: 6 }, () => start(api, { customerId: 'customer-busy', items })),
  );
  const sagas = await Promise.all(orders.map(({ sagaId }) => settled(api, sagaId)));
  expect(sagas.filter(({ status }) => status === 'completed')).toHaveLength(2);
  expect(await heldCentsOf('customer-busy')).toBe(8_000_000);
});
