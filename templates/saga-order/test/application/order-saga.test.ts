import type { InMemoryTransaction, SagaView } from 'potter-runtime/sagas';
import { crashEverywhere, disturbEverywhere, type LedgerClient } from 'potter-runtime/testing';
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

/** The saga on a ledger instead of services, and one order in the place of a database: it outlives the processes of a run. */
function scenario() {
  let state: Order = placed;
  const orders: OrderServices<InMemoryTransaction>['orders'] = {
    async handle(_orderId, command, { transaction } = {}) {
      const decided = await order.decide(state, command);
      transaction?.onCommit(() => (state = decided.state));
      return { state: decided.state, version: 2n, events: [] };
    },
  };
  return {
    scenario: (ledger: LedgerClient) => ({
      definition: orderSaga(servicesOn(ledger, orders)),
      input,
    }),
    check: ({ status }: SagaView) => {
      const end = state.status;
      state = placed;
      const wanted = status === 'completed' ? 'completed' : 'cancelled';
      return end === wanted ? [] : [`the saga is ${status}, its order ${end}`];
    },
  };
}

test('the saga killed before, during and after every write, forwards and undoing, ends whole', async () => {
  const report = await crashEverywhere(scenario());

  expect(report.violations).toEqual([]);
  expect(report.points).toBeGreaterThan(100);
});

test('the saga whose calls arrive twice, unanswered, late or too late, one a run, ends whole', async () => {
  const report = await disturbEverywhere(scenario());

  expect(report.violations).toEqual([]);
  expect(report.runs).toBeGreaterThan(50);
});
