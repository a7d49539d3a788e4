import { Rejection } from 'potter-runtime/errors';
import { sleep } from 'potter-runtime/foundation';
import {
  createSagaEngine,
  InMemorySagaStore,
  type InMemoryTransaction,
} from 'potter-runtime/sagas';
import { ParticipantLedger, VirtualClock } from 'potter-runtime/testing';
import { expect, test } from 'vitest';
import { orderSaga, type OrderToFulfil } from '../../src/application/order-saga.ts';
import { servicesOn } from '../support/ledger-services.ts';
import { crashesOf } from '../support/order-crashes.ts';

const input: OrderToFulfil = {
  orderId: 'order-1',
  customerId: 'customer-1',
  items: [{ productId: 'product-1', quantity: 1, priceCents: 1_000 }],
  shippingCountry: 'DE',
};

test('the saga killed before, during and after every write, forwards and undoing, ends whole', async () => {
  const report = await crashesOf(input, (ledger, ends) => orderSaga(servicesOn(ledger, ends)));
  expect(report.violations).toEqual([]);
  expect(report.points).toBeGreaterThan(100);
});

test('a branch that says no stops the others, and undoes what they did or may have done', async () => {
  const clock = new VirtualClock();
  const ledger = new ParticipantLedger();
  const services = servicesOn(ledger, []);
  const stopped: string[] = [];
  const definition = orderSaga<InMemoryTransaction>({
    ...services,
    credit: {
      ...services.credit,
      check: async () => {
        await sleep(100, { clock });
        throw new Rejection('CREDIT_LIMIT_EXCEEDED', 'No.');
      },
    },
    delivery: {
      ...services.delivery,
      quote: async ({ signal }) => {
        signal.addEventListener('abort', () => stopped.push('quote-delivery'));
        await sleep(60_000, { clock, signal });
        throw new Error('Nobody told the carrier to stop.');
      },
    },
  });
  const store = new InMemorySagaStore({ clock });
  const engine = createSagaEngine({ store, clock, definitions: [definition] });
  const began = clock.now().getTime();
  const saga = await clock.settle(
    (async () => {
      await engine.run();
      const { sagaId } = await engine.start(definition, input);
      return engine.settled(sagaId);
    })(),
  );
  expect(saga).toMatchObject({
    status: 'compensated',
    error: { code: 'CREDIT_LIMIT_EXCEEDED', step: 'check-credit' },
  });
  expect(clock.now().getTime() - began).toBeLessThan(60_000);
  expect(stopped).toEqual(['quote-delivery']);
  expect(
    ledger.entries.map(({ step, kind, empty }) => `${kind} ${step}${empty ? ' (nothing)' : ''}`),
  ).toEqual([
    'do reserve-inventory',
    'undo quote-delivery (nothing)',
    'undo reserve-inventory',
    'undo check-credit (nothing)',
  ]);
  await engine.stop();
});
