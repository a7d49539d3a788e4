import { type Static, Type } from 'typebox';
import { type Order, placed } from '../domain/order.ts';
import { orderItem } from './order-item-schema.ts';

// What goes over the wire. Bodies with other fields, and values outside of these bounds, are refused with 422.

export const newOrder = Type.Object({
  customerId: Type.String({ minLength: 1, maxLength: 100, examples: ['customer-1'] }),
  items: Type.Array(orderItem, { minItems: 1, maxItems: 100 }),
  shippingCountry: Type.Optional(Type.String({ minLength: 1, maxLength: 60, examples: ['DE'] })),
  paymentToken: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description:
        '`declined` is refused, `flaky` fails twice, `slow` takes 20 s, everything else is paid at once.',
      examples: ['tok_visa'],
    }),
  ),
});

/** What an order without them means. */
export const ORDER_DEFAULTS = { shippingCountry: 'DE', paymentToken: 'tok_visa' } as const;

export const orderView = Type.Object({
  orderId: Type.String(),
  status: Type.Union([
    Type.Literal('placed'),
    Type.Literal('completed'),
    Type.Literal('cancelled'),
  ]),
  version: Type.Integer({ minimum: 1, description: 'Counts the events; also the ETag.' }),
  customerId: Type.String(),
  items: Type.Array(orderItem),
  totalCents: Type.Integer(),
  shippingCountry: Type.String(),
  sagaId: Type.String(),
  trackingNumber: Type.Union([Type.String(), Type.Null()]),
  cancelledBecause: Type.Union([
    Type.String({ description: 'The code of the error.' }),
    Type.Null(),
  ]),
});

/** An order as it goes over the wire; refuses one that was never placed. */
export function toOrderView(
  orderId: string,
  { state, version }: { readonly state: Order; readonly version: bigint },
): Static<typeof orderView> {
  const order = placed(state);
  const { status, customerId, totalCents, shippingCountry, sagaId } = order;
  return {
    orderId,
    status,
    version: Number(version),
    customerId,
    items: [...order.items],
    totalCents,
    shippingCountry,
    sagaId,
    trackingNumber: order.status === 'completed' ? order.trackingNumber : null,
    cancelledBecause: order.status === 'cancelled' ? order.cancelledBecause : null,
  };
}
