import { type Static, Type } from 'typebox';
import type { OrderDetails } from '../domain/order.ts';
import { orderItem } from './order-item-schema.ts';

// What goes over the wire. Bodies with other fields, and values outside of these bounds, are refused with 422.

/** What was ordered, as an order shows it. */
export const orderDetails = Type.Object({
  customerId: Type.String({
    minLength: 1,
    maxLength: 100,
    description:
      '`customer-over-limit` has no credit, `customer-slow` is checked for a second, `customer-asleep` for 20.',
    examples: ['customer-1'],
  }),
  items: Type.Immutable(Type.Array(orderItem, { minItems: 1, maxItems: 100 })),
  shippingCountry: Type.String({ minLength: 1, maxLength: 60, examples: ['DE'] }),
});

export const newOrder = Type.Object({
  ...orderDetails.properties,
  shippingCountry: Type.Optional(orderDetails.properties.shippingCountry),
});

/** How an order that all agreed to is fulfilled. */
export const fulfilment = Type.Object({
  totalCents: Type.Integer(),
  deliveryCents: Type.Integer(),
  deliveryDays: Type.Integer(),
});

/** An order goes to Germany unless it says otherwise. */
export function toDetails(body: Static<typeof newOrder>): OrderDetails {
  return { shippingCountry: 'DE', ...body };
}
