import type { Api } from '../../scripts/api.ts';
import { type Accepted, placeOrder } from './place-order.ts';
import type { Saga } from './sagas.ts';

/** One piece of product-1 to Germany, unless told otherwise. */
export function anOrder(changes: object = {}): object {
  return {
    customerId: 'customer-1',
    items: [{ productId: 'product-1', quantity: 1, priceCents: 1_000 }],
    ...changes,
  };
}

/** Places an order, and so starts its saga. */
export function start(api: Api, changes: object = {}): Promise<Accepted> {
  return placeOrder(api, anOrder(changes));
}

/** Takes a moment: its payment is tried three times. */
export const SLOW = { paymentToken: 'flaky' };

/** Orders that end in every way there is. */
export const KINDS: readonly object[] = [
  {},
  SLOW,
  { paymentToken: 'declined' },
  { shippingCountry: 'AQ' },
];

/** Effects, and what undoes them. */
export const UNDONE_BY: Readonly<Record<string, string>> = {
  'reserve-inventory': 'release-inventory',
  'process-payment': 'refund-payment',
  'create-shipment': 'cancel-shipment',
};

/** Every effect that this saga has when it is completed. */
export function allDone(_saga: Saga): readonly string[] {
  return Object.keys(UNDONE_BY);
}
