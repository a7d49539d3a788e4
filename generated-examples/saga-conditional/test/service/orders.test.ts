import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api } from '../../scripts/api.ts';
import { flawsOf } from '../support/all-or-nothing.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { effectsOf, historyOf, settled } from '../support/sagas.ts';
import { anOrder, ASLEEP, EVERYTHING, start } from '../support/scenarios.ts';
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

describe('an order goes by the steps that it needs', () => {
  test('all of them', async () => {
    const { sagaId, orderId } = await start(api, EVERYTHING);
    expect(await settled(api, sagaId)).toMatchObject({
      definition: 'conditional-order-saga',
      status: 'completed',
      currentStep: null,
      error: null,
      results: {
        'verify-large-order': { verificationId: expect.any(String) },
        'apply-vip-benefits': { discountCents: 7_500 },
        'customs-check': { declarationId: expect.any(String) },
        'express-shipping': { carrier: 'express', trackingNumber: expect.any(String) },
      },
    });
    expect(await effectsOf(api, sagaId)).toEqual([
      'verify-large-order',
      'apply-vip-benefits',
      'customs-check',
      'express-shipping',
    ]);
    expect((await api.get(`/api/v1/orders/${orderId}`)).body).toEqual({
      orderId,
      sagaId,
      status: 'completed',
      customerId: 'customer-1',
      customerType: 'vip',
      amountCents: 150_000,
      homeCountry: 'DE',
      shippingCountry: 'CH',
      express: true,
      fulfilment: {
        carrier: 'express',
        trackingNumber: expect.stringMatching(/^TRK-/),
        discountCents: 7_500,
        payableCents: 142_500,
      },
      cancelledBecause: null,
    });
  });

  test.each([
    ['none of the conditional ones', {}, ['standard-shipping']],
    [
      'the verification, over the limit',
      { amountCents: 100_001 },
      ['verify-large-order', 'standard-shipping'],
    ],
    ['not the verification, at the limit', { amountCents: 100_000 }, ['standard-shipping']],
    ['the benefits of a VIP', { customerType: 'vip' }, ['apply-vip-benefits', 'standard-shipping']],
    ['customs, across a border', { shippingCountry: 'CH' }, ['customs-check', 'standard-shipping']],
    ['the express carrier', { express: true }, ['express-shipping']],
  ])('%s', async (_which, changes, effects) => {
    const { sagaId } = await start(api, changes);
    expect(await settled(api, sagaId)).toMatchObject({ status: 'completed' });
    expect(await effectsOf(api, sagaId)).toEqual(effects);
  });

  test('the others are in its history, skipped, with the reason', async () => {
    const { sagaId } = await start(api);
    await settled(api, sagaId);
    const history = await historyOf(api, sagaId);
    expect(
      history.map(({ step, status, error }) => [step, status, error?.message ?? null]),
    ).toEqual([
      ['validate-order', 'completed', null],
      ['verify-large-order', 'skipped', 'The order is not over 100000 cents.'],
      ['apply-vip-benefits', 'skipped', 'The customer is no VIP.'],
      ['customs-check', 'skipped', 'The order stays in its home country.'],
      ['express-shipping', 'skipped', 'The order goes with the other carrier.'],
      ['standard-shipping', 'completed', null],
      ['complete-order', 'completed', null],
    ]);
  });

  test('without countries and carrier it stays at home and goes the standard way', async () => {
    const left = { homeCountry: undefined, shippingCountry: undefined, express: undefined };
    const { sagaId, orderId } = await start(api, left);
    await settled(api, sagaId);
    expect((await api.get(`/api/v1/orders/${orderId}`)).body).toMatchObject({
      homeCountry: 'DE',
      shippingCountry: 'DE',
      express: false,
      status: 'completed',
    });
  });
});

describe('an order that cannot be fulfilled is undone and cancelled', () => {
  test.each([
    ['NOTHING_TO_PAY', 'validate-order', { amountCents: 0 }],
    [
      'VERIFICATION_FAILED',
      'verify-large-order',
      { customerId: 'customer-unverified', amountCents: 100_001 },
    ],
    ['VIP_SUSPENDED', 'apply-vip-benefits', { ...EVERYTHING, customerId: 'customer-suspended' }],
    ['CUSTOMS_LICENCE_REQUIRED', 'customs-check', { ...EVERYTHING, amountCents: 1_000_001 }],
    ['EXPRESS_VALUE_TOO_HIGH', 'express-shipping', { ...EVERYTHING, amountCents: 500_001 }],
    ['SHIPPING_UNAVAILABLE', 'express-shipping', { ...EVERYTHING, shippingCountry: 'AQ' }],
    ['SHIPPING_UNAVAILABLE', 'standard-shipping', { homeCountry: 'AQ', shippingCountry: 'AQ' }],
  ])('%s at %s', async (code, step, changes) => {
    const { sagaId, orderId } = await start(api, changes);
    const saga = await settled(api, sagaId);
    expect(saga).toMatchObject({ status: 'compensated', error: { code, step } });
    expect(flawsOf(saga, await effectsOf(api, sagaId))).toEqual([]);
    expect((await api.get(`/api/v1/orders/${orderId}`)).body).toMatchObject({
      status: 'cancelled',
      cancelledBecause: code,
      fulfilment: null,
    });
  });

  test('but what was skipped is not undone', async () => {
    const { sagaId } = await start(api, { customerType: 'vip', shippingCountry: 'AQ' });
    await settled(api, sagaId);
    const history = await historyOf(api, sagaId);
    expect(history.map(({ kind, step, status }) => `${kind} ${step} ${status}`)).toEqual([
      'step validate-order completed',
      'step verify-large-order skipped',
      'step apply-vip-benefits completed',
      'step customs-check completed',
      'step express-shipping skipped',
      'step standard-shipping failed',
      'compensation standard-shipping compensated',
      'compensation customs-check compensated',
      'compensation apply-vip-benefits compensated',
      'compensation place-order compensated',
    ]);
    expect(await effectsOf(api, sagaId)).toEqual([
      'apply-vip-benefits',
      'customs-check',
      'withdraw-declaration',
      'revoke-vip-benefits',
    ]);
  });
});

describe('asking', () => {
  test('to cancel undoes what was done', async () => {
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
    ['a negative amount', { amountCents: -1 }],
    ['half a cent', { amountCents: 0.5 }],
    ['an amount as text', { amountCents: '1000' }],
    ['no amount', { amountCents: undefined }],
    ['no customer type', { customerType: undefined }],
    ['express as text', { express: 'yes' }],
  ])('for %s is refused before anything happens', async (_what, changes) => {
    const answer = await api.post('/api/v1/orders', anOrder(changes));
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'VALIDATION_FAILED', errors: expect.arrayContaining([expect.anything()]) },
    });
  });
});
