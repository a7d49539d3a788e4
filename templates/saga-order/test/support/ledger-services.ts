import type { InMemoryTransaction } from 'potter-runtime/sagas';
import type { LedgerClient } from 'potter-runtime/testing';
import type { OrderServices } from '../../src/application/order-saga.ts';

/** Participants that keep a ledger: each call has its effect once per key, as the real ones have with their fences. */
export function servicesOn(
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
