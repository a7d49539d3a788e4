import type { InMemoryTransaction } from 'potter-runtime/sagas';
import { crashEverywhere } from 'potter-runtime/testing';
import { expect, test } from 'vitest';
import {
  orderSaga,
  type OrderServices,
  type OrderToFulfil,
} from '../../src/application/order-saga.ts';
import { order, type Order, place } from '../../src/domain/order.ts';
import { servicesOn } from '../support/ledger-services.ts';

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
