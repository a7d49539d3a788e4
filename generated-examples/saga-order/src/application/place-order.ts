import { newId } from 'potter-runtime/foundation';
import type { CommandWrite } from 'potter-runtime/http';
import {
  inTransaction,
  type PostgresPool,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import type { SagaDefinition, SagaEngine, SagaStatus } from 'potter-runtime/sagas';
import { place } from '../domain/order.ts';
import { type OrderItem, totalOf } from '../domain/order-item.ts';
import type { OrderToFulfil } from './order-saga.ts';
import type { Orders } from './orders.ts';

export interface NewOrder {
  readonly customerId: string;
  readonly items: readonly OrderItem[];
  readonly shippingCountry: string;
  readonly paymentToken: string;
}

export interface AcceptedOrder {
  readonly orderId: string;
  readonly sagaId: string;
  readonly status: SagaStatus;
}

/** What placing an order needs. */
export interface PlaceOrderServices {
  readonly pool: PostgresPool;
  readonly orders: Orders<PostgresTransaction>;
  readonly sagas: SagaEngine<PostgresTransaction>;
  readonly orderSaga: SagaDefinition<OrderToFulfil, PostgresTransaction>;
}

/**
 * Places an order and starts its saga in one transaction: there is never one without the other. When the request has an
 * idempotency key, the remembered answer is part of that transaction too.
 */
export function placeOrder(
  { pool, orders, sagas, orderSaga }: PlaceOrderServices,
  order: NewOrder,
  write: CommandWrite<PostgresTransaction>,
): Promise<AcceptedOrder> {
  const { customerId, items, shippingCountry, paymentToken } = order;
  const [orderId, sagaId] = [newId(), newId()];
  const totalCents = totalOf(items);
  return inTransaction(
    pool,
    async (transaction) => {
      const details = { customerId, items, totalCents, shippingCountry, sagaId };
      await orders.handle(orderId, place(details), { ...write, transaction });
      const input = { orderId, customerId, items, totalCents, shippingCountry, paymentToken };
      const { correlationId } = write.metadata;
      const { status } = await sagas.start(orderSaga, input, {
        sagaId,
        correlationId,
        transaction,
      });
      return { orderId, sagaId, status };
    },
    { within: write.transaction },
  );
}
