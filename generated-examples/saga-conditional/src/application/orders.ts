import type { Fulfilment, OrderDetails } from '../domain/order.ts';

/** An order, and what became of it. */
export interface Order {
  readonly orderId: string;
  /** The saga that fulfils it. */
  readonly sagaId: string;
  readonly status: 'placed' | 'completed' | 'cancelled';
  readonly details: OrderDetails;
  /** Null unless it is completed. */
  readonly fulfilment: Fulfilment | null;
  /** A code; null unless it is cancelled. */
  readonly cancelledBecause: string | null;
}

/** Every order, in the database of the sagas. `Tx` is a transaction of it. */
export interface Orders<Tx> {
  place(tx: Tx, order: Pick<Order, 'orderId' | 'sagaId' | 'details'>): Promise<void>;
  /** Ends a placed order well. Any other is refused with `ORDER_NOT_PLACED`. */
  complete(tx: Tx, orderId: string, fulfilment: Fulfilment): Promise<void>;
  /** Ends an order badly, also one that was completed: its saga may be undone later. A second time refuses with `ORDER_CANCELLED`. */
  cancel(tx: Tx, orderId: string, because: string): Promise<void>;
  /** Refuses with `ORDER_NOT_FOUND`. */
  find(orderId: string): Promise<Order>;
}
