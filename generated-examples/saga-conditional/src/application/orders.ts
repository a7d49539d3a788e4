import type { Fulfilment, OrderDetails } from '../domain/order.ts';

/** An order, and what became of it. */
export interface Order {
  readonly orderId: string;
  /** The saga that fulfils it. */
  readonly sagaId: string;
  readonly status: 'placed' | 'completed' | 'cancelled';
  readonly details: OrderDetails;
  /** Null until it is completed. */
  readonly fulfilment: Fulfilment | null;
  /** A code; null unless it is cancelled. */
  readonly cancelledBecause: string | null;
}

/** Every order, in the database of the sagas. `Tx` is a transaction of it. */
export interface Orders<Tx> {
  place(tx: Tx, order: Pick<Order, 'orderId' | 'sagaId' | 'details'>): Promise<void>;
  /** Ends a placed order well. Any other is refused with `ORDER_NOT_OPEN`. */
  complete(tx: Tx, orderId: string, fulfilment: Fulfilment): Promise<void>;
  /** Ends a placed order badly. Any other is refused with `ORDER_NOT_OPEN`. */
  cancel(tx: Tx, orderId: string, because: string): Promise<void>;
  /** Refuses with `ORDER_NOT_FOUND`. */
  find(orderId: string): Promise<Order>;
}
