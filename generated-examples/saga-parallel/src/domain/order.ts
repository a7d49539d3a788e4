import { Rejection } from 'potter-runtime/errors';
import { type OrderItem, totalOf } from './order-item.ts';

/** What was ordered. */
export interface OrderDetails {
  readonly customerId: string;
  readonly items: readonly OrderItem[];
  readonly shippingCountry: string;
}

/** What an order comes to. */
export interface ValidatedOrder {
  readonly totalCents: number;
  readonly pieces: number;
}

/** How an order that all agreed to is fulfilled. */
export interface Fulfilment {
  readonly totalCents: number;
  readonly deliveryCents: number;
  readonly deliveryDays: number;
}

/** More pieces than this do not go into one delivery. */
export const MAX_PIECES = 1_000;

/** What the order comes to, once it is known to make sense. Refuses with `NOTHING_TO_PAY` or `TOO_MANY_PIECES`. */
export function validate({ items }: Pick<OrderDetails, 'items'>): ValidatedOrder {
  const totalCents = totalOf(items);
  if (totalCents === 0) throw new Rejection('NOTHING_TO_PAY', 'The order costs nothing.');
  const pieces = items.reduce((sum, { quantity }) => sum + quantity, 0);
  if (pieces > MAX_PIECES) {
    throw new Rejection(
      'TOO_MANY_PIECES',
      `${pieces} pieces do not go into one delivery, ${MAX_PIECES} do.`,
      { details: { pieces, limit: MAX_PIECES } },
    );
  }
  return { totalCents, pieces };
}
