import { newId } from 'potter-runtime/foundation';
import type { CommandWrite } from 'potter-runtime/http';
import {
  inTransaction,
  type PostgresPool,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import type { SagaDefinition, SagaEngine, SagaStatus } from 'potter-runtime/sagas';
import type { OrderDetails } from '../domain/order.ts';
import type { OrderToFulfil } from './order-saga.ts';
import type { Orders } from './orders.ts';

export interface AcceptedOrder {
  readonly orderId: string;
  readonly sagaId: string;
  readonly status: SagaStatus;
}

/** What placing an order needs. */
export interface PlaceOrderServices {
  readonly pool: PostgresPool;
  readonly orders: Pick<Orders<PostgresTransaction>, 'place'>;
  readonly sagas: SagaEngine<PostgresTransaction>;
  readonly orderSaga: SagaDefinition<OrderToFulfil, PostgresTransaction>;
}

/**
 * Places an order and starts its saga in one transaction: there is never one without the other. When the request has an
 * idempotency key, the remembered answer is part of that transaction too.
 */
export function placeOrder(
  { pool, orders, sagas, orderSaga }: PlaceOrderServices,
  details: OrderDetails,
  write: CommandWrite<PostgresTransaction>,
): Promise<AcceptedOrder> {
  const [orderId, sagaId] = [newId(), newId()];
  return inTransaction(
    pool,
    async (transaction) => {
      await orders.place(transaction, { orderId, sagaId, details });
      const { correlationId } = write.metadata;
      const { status } = await sagas.start(
        orderSaga,
        { orderId, ...details },
        { sagaId, correlationId, transaction },
      );
      return { orderId, sagaId, status };
    },
    { within: write.transaction },
  );
}
