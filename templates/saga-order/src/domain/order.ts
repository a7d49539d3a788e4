import { decider } from 'potter-runtime/aggregates';
import { Rejection } from 'potter-runtime/errors';
import type { Event } from 'potter-runtime/events';
import type { OrderItem } from './order-item.ts';

/** What was ordered. */
export interface OrderDetails {
  readonly customerId: string;
  readonly items: readonly OrderItem[];
  readonly totalCents: number;
  readonly shippingCountry: string;
  /** The saga that fulfils the order. */
  readonly sagaId: string;
}

export type OrderPlaced = Event<'OrderPlaced', OrderDetails>;
export type OrderCompleted = Event<
  'OrderCompleted',
  { readonly paymentId: string; readonly trackingNumber: string }
>;
export type OrderCancelled = Event<'OrderCancelled', { readonly reason: string }>;

/** Everything that can happen to an order. What is stored stays: rename nothing here, add. */
export type OrderEvent = OrderPlaced | OrderCompleted | OrderCancelled;

/** An order as its events have made it. */
export type Order =
  | { readonly status: 'unplaced' }
  | (OrderDetails & { readonly status: 'placed' })
  | (OrderDetails & { readonly status: 'completed'; readonly trackingNumber: string })
  | (OrderDetails & { readonly status: 'cancelled'; readonly cancelledBecause: string });

/** How each event changes an order. An event without a case does not compile. */
export const order = decider<Order, OrderEvent>({
  type: 'order',
  initial: () => ({ status: 'unplaced' }),
  evolve: {
    OrderPlaced: (_, { data }) => ({ ...data, status: 'placed' }),
    OrderCompleted: (state, { data: { trackingNumber } }) => ({
      ...placed(state),
      status: 'completed',
      trackingNumber,
    }),
    OrderCancelled: (state, { data: { reason } }) => ({
      ...placed(state),
      status: 'cancelled',
      cancelledBecause: reason,
    }),
  },
});

// Commands: a function of their arguments gives a function of the order, which decides on an event or refuses.

export const place =
  (details: OrderDetails) =>
  (state: Order): OrderPlaced => {
    if (state.status !== 'unplaced') {
      throw new Rejection('ORDER_EXISTS', 'The order was placed before.', { kind: 'conflict' });
    }
    return { type: 'OrderPlaced', data: details };
  };

/** Nothing happens to an order that is complete already: a saga may ask twice. */
export const complete =
  (fulfilment: OrderCompleted['data']) =>
  (state: Order): OrderCompleted | [] => {
    const { status } = placed(state);
    if (status === 'completed') return [];
    if (status === 'cancelled') {
      throw new Rejection('ORDER_CANCELLED', 'The order was cancelled.', { kind: 'conflict' });
    }
    return { type: 'OrderCompleted', data: fulfilment };
  };

/**
 * An order that is complete can still be cancelled: its saga may be undone later. Nothing happens to one that is cancelled
 * already: a saga may ask twice.
 */
export const cancel =
  (reason: string) =>
  (state: Order): OrderCancelled | [] =>
    placed(state).status === 'cancelled' ? [] : { type: 'OrderCancelled', data: { reason } };

/** The order, which must have been placed. */
export function placed(state: Order): Exclude<Order, { readonly status: 'unplaced' }> {
  if (state.status !== 'unplaced') return state;
  throw new Rejection('ORDER_NOT_FOUND', 'There is no such order.', { kind: 'not-found' });
}
