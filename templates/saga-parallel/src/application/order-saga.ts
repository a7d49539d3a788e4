import { saga, type SagaDefinition } from 'potter-runtime/sagas';
import { type OrderDetails, validate } from '../domain/order.ts';
import type { Credit } from './credit.ts';
import type { Delivery } from './delivery.ts';
import type { Inventory } from './inventory.ts';
import type { Orders } from './orders.ts';

/** What the saga is started with. */
export interface OrderToFulfil extends OrderDetails {
  readonly orderId: string;
}

/** Who does the work. `Tx` is the transaction of the database that holds sagas and orders. */
export interface OrderServices<Tx> {
  readonly credit: Credit;
  readonly inventory: Inventory;
  readonly delivery: Delivery;
  readonly orders: Pick<Orders<Tx>, 'complete' | 'cancel'>;
}

/**
 * Asks three services at the same time, and confirms the order when all agree. As soon as one says no the others are told to
 * stop, and whatever each of them did, or may have done, is undone.
 */
export function orderSaga<Tx>({
  credit,
  inventory,
  delivery,
  orders,
}: OrderServices<Tx>): SagaDefinition<OrderToFulfil, Tx> {
  return saga<OrderToFulfil, Tx>('parallel-order-saga')
    .alreadyDone('place-order', {
      // Whoever starts the saga has placed the order in the same transaction; the last undo cancels it.
      compensate: ({ tx, input, cause }) => orders.cancel(tx, input.orderId, cause.code),
    })
    .step('validate-order', { execute: ({ input }) => validate(input) })
    .parallel('ask-all', (all) =>
      all
        .step('check-credit', {
          execute: (call) => {
            const { totalCents: amountCents } = call.results['validate-order'];
            return credit.check(call, { customerId: call.input.customerId, amountCents });
          },
          compensate: (call) => credit.release(call),
        })
        .step('reserve-inventory', {
          execute: (call) => inventory.reserve(call, call.input.items),
          compensate: (call) => inventory.release(call),
        })
        .step('quote-delivery', {
          execute: (call) => {
            const { pieces } = call.results['validate-order'];
            return delivery.quote(call, { country: call.input.shippingCountry, pieces });
          },
          compensate: (call) => delivery.cancel(call),
        }),
    )
    .transactionalStep('confirm-order', {
      // The order is in the saga's own database: its new state and the end of the saga are one commit.
      execute: async ({ tx, input, results }) => {
        const { totalCents } = results['validate-order'];
        const { deliveryCents, deliveryDays } = results['quote-delivery'];
        await orders.complete(tx, input.orderId, { totalCents, deliveryCents, deliveryDays });
      },
    })
    .build();
}
