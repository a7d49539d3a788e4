import { exponentialBackoff, simpleRetry } from 'potter-runtime/foundation';
import { saga, type SagaDefinition } from 'potter-runtime/sagas';
import { cancel, complete } from '../domain/order.ts';
import type { OrderItem } from '../domain/order-item.ts';
import type { Inventory } from './inventory.ts';
import type { Orders } from './orders.ts';
import type { Payments } from './payments.ts';
import type { Shipping } from './shipping.ts';

/** What the saga is started with. */
export interface OrderToFulfil {
  readonly orderId: string;
  readonly customerId: string;
  readonly items: readonly OrderItem[];
  readonly totalCents: number;
  readonly shippingCountry: string;
  readonly paymentToken: string;
}

/** Who does the work. `Tx` is the transaction of the database that holds sagas and orders. */
export interface OrderServices<Tx> {
  readonly inventory: Inventory;
  readonly payments: Payments;
  readonly shipping: Shipping;
  readonly orders: Pick<Orders<Tx>, 'handle'>;
}

/**
 * Fulfils an order, or undoes whatever was done for it, last step first. Each step says how it is done and, next to
 * that, how it is undone, also when nobody knows whether it happened.
 */
export function orderSaga<Tx>({
  inventory,
  payments,
  shipping,
  orders,
}: OrderServices<Tx>): SagaDefinition<OrderToFulfil, Tx> {
  return saga<OrderToFulfil, Tx>('order-saga', { snapshotEvery: 5 })
    .alreadyDone('place-order', {
      // Whoever starts the saga has placed the order in the same transaction; the last undo cancels it.
      compensate: ({ tx, input, cause }) =>
        orders.handle(input.orderId, cancel(cause.code), { transaction: tx }),
    })
    .step('reserve-inventory', {
      execute: (call) => inventory.reserve(call, call.input.items),
      compensate: (call) => inventory.release(call),
      retry: exponentialBackoff({ maxAttempts: 5, initialDelay: '100ms', maxDelay: '5s' }),
      timeout: '30s',
    })
    .step('process-payment', {
      execute: (call) => {
        const { customerId, totalCents: amountCents, paymentToken: token } = call.input;
        return payments.charge(call, { customerId, amountCents, token });
      },
      compensate: (call) => payments.refund(call),
      retry: simpleRetry({ maxAttempts: 3, delay: '200ms' }),
      timeout: '30s',
    })
    .step('create-shipment', {
      execute: (call) => {
        const { shippingCountry: country, items } = call.input;
        return shipping.ship(call, { country, items });
      },
      compensate: (call) => shipping.cancel(call),
      timeout: '30s',
    })
    .transactionalStep('complete-order', {
      // The order is in the saga's own database: its event and the end of the saga are one commit.
      execute: async ({ tx, input, results }) => {
        const { paymentId } = results['process-payment'];
        const { trackingNumber } = results['create-shipment'];
        const command = complete({ paymentId, trackingNumber });
        await orders.handle(input.orderId, command, { transaction: tx });
      },
      timeout: '30s',
    })
    .build();
}
