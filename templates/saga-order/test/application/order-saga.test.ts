import type { InMemoryTransaction } from 'potter-runtime/sagas';
import { crashEverywhere, type LedgerClient } from 'potter-runtime/testing';
import { expect, test } from 'vitest';
import {
  orderSaga,
  type OrderServices,
  type OrderToFulfil,
} from '../../src/application/order-saga.ts';
import { order, type Order, place } from '../../src/domain/order.ts';

const details = {
  customerId: 'customer-1',
  items: [{ productId: 'product-1', quantity: 1, priceCents: 1_000 }],
  totalCents: 1_000,
  shippingCountry: 'DE',
};
const input: OrderToFulfil = { orderId: 'order-1', ...details, paymentToken: 'tok_visa' };
const placed = order.evolve(
  order.initial(),
  place({ ...details, sagaId: 'saga-1' })(order.initial()),
);

test('the saga killed before, during and after every write, forwards and undoing, ends whole', async () => {
  // Outlives the processes of a run, as a database would.
  let state: Order = placed;
  const orders: OrderServices<InMemoryTransaction>['orders'] = {
    async handle(_orderId, command, { transaction } = {}) {
      const decided = await order.decide(state, command);
      transaction?.onCommit(() => (state = decided.state));
      return { state: decided.state, version: 2n, events: [] };
    },
  };

  const report = await crashEverywhere({
    scenario: (ledger) => ({ definition: orderSaga(servicesOn(ledger, orders)), input }),
    check: ({ status }) => {
      const end = state.status;
      state = placed;
      const wanted = status === 'completed' ? 'completed' : 'cancelled';
      return end === wanted ? [] : [`the saga is ${status}, its order ${end}`];
    },
  });

  expect(report.violations).toEqual([]);
  expect(report.points).toBeGreaterThan(100);
}, 60_000);

/** Participants that keep a ledger: each call has its effect once per key, as the real ones have with their fences. */
function servicesOn(
  ledger: LedgerClient,
  orders: OrderServices<InMemoryTransaction>['orders'],
): OrderServices<InMemoryTransaction> {
  return {
    orders,
    inventory: {
      reserve: ({ key }) => ledger.apply(key, () => ({ pieces: { 'product-1': 1 } })),
      release: ({ key }) => ledger.apply(key),
    },
    payments: {
      charge: ({ key }) => ledger.apply(key, () => ({ paymentId: 'payment-1' })),
      refund: ({ key }) => ledger.apply(key),
    },
    shipping: {
      ship: ({ key }) => ledger.apply(key, () => ({ trackingNumber: 'TRK-1' })),
      cancel: ({ key }) => ledger.apply(key),
    },
  };
}
