import type { InMemoryTransaction } from 'potter-runtime/sagas';
import type { LedgerClient } from 'potter-runtime/testing';
import type { OrderServices } from '../../src/application/order-saga.ts';

/** Participants that keep a ledger: each call has its effect once per key, as the real ones have with their fences. */
export function servicesOn(
  ledger: LedgerClient,
  ends: string[],
): OrderServices<InMemoryTransaction> {
  return {
    orders: {
      complete: async (tx) => tx.onCommit(() => ends.push('completed')),
      cancel: async (tx) => tx.onCommit(() => ends.push('cancelled')),
    },
    credit: {
      check: ({ key }, { amountCents }) =>
        ledger.apply(key, () => ({ holdId: 'hold-1', amountCents })),
      release: ({ key }) => ledger.apply(key),
    },
    inventory: {
      reserve: ({ key }) => ledger.apply(key, () => ({ pieces: { 'product-1': 1 } })),
      release: ({ key }) => ledger.apply(key),
    },
    delivery: {
      quote: ({ key }) =>
        ledger.apply(key, () => ({ quoteId: 'quote-1', deliveryCents: 540, deliveryDays: 3 })),
      cancel: ({ key }) => ledger.apply(key),
    },
  };
}
