import { Rejection } from 'potter-runtime/errors';
import type { PostgresPool, PostgresTransaction } from 'potter-runtime/postgres';
import type { Order, Orders } from '../application/orders.ts';
import type { Fulfilment } from '../domain/order.ts';

/** Orders as rows. */
export class PostgresOrders implements Orders<PostgresTransaction> {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async place(
    tx: PostgresTransaction,
    { orderId, sagaId, details }: Pick<Order, 'orderId' | 'sagaId' | 'details'>,
  ): Promise<void> {
    await tx.query({
      text: 'INSERT INTO orders (order_id, saga_id, details) VALUES ($1, $2, $3)',
      values: [orderId, sagaId, JSON.stringify(details)],
    });
  }

  async complete(tx: PostgresTransaction, orderId: string, fulfilment: Fulfilment): Promise<void> {
    const completed = await tx.query({
      text: `UPDATE orders SET status = 'completed', fulfilment = $2 WHERE order_id = $1 AND status = 'placed'`,
      values: [orderId, JSON.stringify(fulfilment)],
    });
    if (completed.rowCount === 1) return;
    throw new Rejection('ORDER_NOT_PLACED', `The order ${orderId} is completed or cancelled.`, {
      kind: 'conflict',
    });
  }

  async cancel(tx: PostgresTransaction, orderId: string, because: string): Promise<void> {
    const cancelled = await tx.query({
      text: `UPDATE orders SET status = 'cancelled', cancelled_because = $2, fulfilment = NULL
             WHERE order_id = $1 AND status <> 'cancelled'`,
      values: [orderId, because],
    });
    if (cancelled.rowCount === 1) return;
    throw new Rejection('ORDER_CANCELLED', `The order ${orderId} was cancelled before.`, {
      kind: 'conflict',
    });
  }

  async find(orderId: string): Promise<Order> {
    const { rows } = await this.#pool.query<Order>({
      text: `SELECT order_id AS "orderId", saga_id AS "sagaId", status, details, fulfilment,
                    cancelled_because AS "cancelledBecause"
             FROM orders WHERE order_id = $1`,
      values: [orderId],
    });
    const [order] = rows;
    if (order !== undefined) return order;
    throw new Rejection('ORDER_NOT_FOUND', `There is no order ${orderId}.`, { kind: 'not-found' });
  }
}
