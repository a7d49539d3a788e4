import type { InMemoryTransaction } from 'potter-runtime/sagas';
import type { LedgerClient } from 'potter-runtime/testing';
import type { OrderServices } from '../../src/application/order-saga.ts';
import type { Shipping } from '../../src/application/shipping.ts';
import type { Carrier } from '../../src/domain/order.ts';

/**
 * Participants that keep a ledger: each call has its effect once per key, as the real ones have with their fences.
 * @param ends gets what became of the order.
 */
export function servicesOn(
  ledger: LedgerClient,
  ends: string[],
): OrderServices<InMemoryTransaction> {
  const shipping = (carrier: Carrier): Shipping => ({
    ship: ({ key }) => ledger.apply(key, () => ({ carrier, trackingNumber: 'TRK-1' })),
    cancel: ({ key }) => ledger.apply(key),
  });
  return {
    orders: {
      complete: async (tx) => tx.onCommit(() => ends.push('completed')),
      cancel: async (tx) => tx.onCommit(() => ends.push('cancelled')),
    },
    verification: {
      verify: ({ key }) => ledger.apply(key, () => ({ verificationId: 'verification-1' })),
      withdraw: ({ key }) => ledger.apply(key),
    },
    vipBenefits: {
      grant: ({ key }, { discountCents }) =>
        ledger.apply(key, () => ({ grantId: 'grant-1', discountCents })),
      revoke: ({ key }) => ledger.apply(key),
    },
    customs: {
      declare: ({ key }) => ledger.apply(key, () => ({ declarationId: 'declaration-1' })),
      withdraw: ({ key }) => ledger.apply(key),
    },
    carriers: { express: shipping('express'), standard: shipping('standard') },
  };
}
