import { type Static, Type } from 'typebox';
import type { OrderDetails } from '../domain/order.ts';

// What goes over the wire. Bodies with other fields, and values outside of these bounds, are refused with 422.

const country = Type.String({ minLength: 1, maxLength: 60, examples: ['DE'] });

/** What was ordered, as an order shows it. */
export const orderDetails = Type.Object({
  customerId: Type.String({
    minLength: 1,
    maxLength: 100,
    description:
      '`customer-slow` takes a second to verify a large order, `customer-asleep` 20, `customer-unverified` refuses to, `customer-suspended` has no benefits.',
    examples: ['customer-1'],
  }),
  customerType: Type.String({
    minLength: 1,
    maxLength: 60,
    description: '`vip` has benefits, anything else has none.',
    examples: ['vip'],
  }),
  amountCents: Type.Integer({ minimum: 0, maximum: 1_000_000_000, examples: [150_000] }),
  homeCountry: country,
  shippingCountry: country,
  express: Type.Boolean(),
});

export const newOrder = Type.Object({
  ...orderDetails.properties,
  homeCountry: Type.Optional(country),
  shippingCountry: Type.Optional(country),
  express: Type.Optional(orderDetails.properties.express),
});

/** What becomes of an order that goes well. */
export const fulfilment = Type.Object({
  carrier: Type.Union([Type.Literal('express'), Type.Literal('standard')]),
  trackingNumber: Type.String(),
  discountCents: Type.Integer(),
  payableCents: Type.Integer(),
});

/** An order stays at home, which is Germany, and has time, unless it says otherwise. */
export function toDetails(body: Static<typeof newOrder>): OrderDetails {
  const { homeCountry = 'DE', shippingCountry = homeCountry, express = false } = body;
  return { ...body, homeCountry, shippingCountry, express };
}
