import type { Api } from '../../scripts/api.ts';
import type { Fulfilment, OrderDetails } from '../../src/domain/order.ts';
import { type Accepted, placeOrder } from './place-order.ts';
import type { Saga } from './sagas.ts';

export const DETAILS: OrderDetails = {
  customerId: 'customer-1',
  items: [{ productId: 'product-1', quantity: 1, priceCents: 1_000 }],
  shippingCountry: 'DE',
};
export const FULFILMENT: Fulfilment = { totalCents: 1_000, deliveryCents: 540, deliveryDays: 3 };

/** One piece of product-1 to Germany, unless told otherwise. */
export function anOrder(changes: object = {}): object {
  return { ...DETAILS, ...changes };
}

/** Places an order, and so starts its saga. */
export function start(api: Api, changes: object = {}): Promise<Accepted> {
  return placeOrder(api, anOrder(changes));
}

/** Takes a moment: its credit and its carrier are slow. */
export const SLOW = { customerId: 'customer-slow', shippingCountry: 'US' };

/** Its credit check goes on until it is stopped: nothing that a test does takes as long. */
export const ASLEEP = { customerId: 'customer-asleep' };

/** Orders that end in every way there is. */
export const KINDS: readonly object[] = [
  {},
  SLOW,
  { customerId: 'customer-over-limit' },
  { customerId: 'customer-slow', shippingCountry: 'AQ' },
  { customerId: 'customer-over-limit', shippingCountry: 'US' },
  { shippingCountry: 'US', items: [{ productId: 'product-3', quantity: 1, priceCents: 1 }] },
];

/** Effects, and what undoes them. */
export const UNDONE_BY: Readonly<Record<string, string>> = {
  'check-credit': 'release-credit',
  'reserve-inventory': 'release-inventory',
  'quote-delivery': 'cancel-quote',
};

/** Every effect that this saga has when it is completed. */
export function allDone(_saga: Saga): readonly string[] {
  return Object.keys(UNDONE_BY);
}
