import type { Api } from '../../scripts/api.ts';
import {
  crossesBorder,
  type Fulfilment,
  isLarge,
  isVip,
  ORDER_RULES,
  type OrderDetails,
} from '../../src/domain/order.ts';
import { type Accepted, placeOrder } from './place-order.ts';
import type { Saga } from './sagas.ts';

export const DETAILS: OrderDetails = {
  customerId: 'customer-1',
  customerType: 'regular',
  amountCents: 1_000,
  homeCountry: 'DE',
  shippingCountry: 'DE',
  express: false,
};
export const FULFILMENT: Fulfilment = {
  carrier: 'standard',
  trackingNumber: 'TRK-1',
  discountCents: 0,
  payableCents: 1_000,
};

/** A small order that stays at home, unless told otherwise. */
export function anOrder(changes: object = {}): object {
  return { ...DETAILS, ...changes };
}

/** Places an order, and so starts its saga. */
export function start(api: Api, changes: object = {}): Promise<Accepted> {
  return placeOrder(api, anOrder(changes));
}

/** Takes a moment: it is verified slowly. */
export const SLOW = { customerId: 'customer-slow', amountCents: 150_000 };

/** Its verification goes on until it is stopped: nothing that a test does takes as long. */
export const ASLEEP = { customerId: 'customer-asleep', amountCents: 150_000 };

/** An order that needs every step. */
export const EVERYTHING = {
  customerType: 'vip',
  amountCents: 150_000,
  shippingCountry: 'CH',
  express: true,
};

/** Orders that end in every way there is. */
export const KINDS: readonly object[] = [
  {},
  SLOW,
  EVERYTHING,
  { ...EVERYTHING, customerId: 'customer-slow', shippingCountry: 'AQ' },
  { customerType: 'vip', amountCents: 600_000, express: true },
  { customerType: 'vip', customerId: 'customer-suspended', amountCents: 150_000 },
];

/** Effects, and what undoes them. */
export const UNDONE_BY: Readonly<Record<string, string>> = {
  'verify-large-order': 'withdraw-verification',
  'apply-vip-benefits': 'revoke-vip-benefits',
  'customs-check': 'withdraw-declaration',
  'express-shipping': 'cancel-express-shipping',
  'standard-shipping': 'cancel-standard-shipping',
};

/** Every effect that this saga has when it is completed: it depends on the order. */
export function allDone({ input }: Saga): readonly string[] {
  const order = input as OrderDetails;
  return [
    ...(isLarge(order, ORDER_RULES) ? ['verify-large-order'] : []),
    ...(isVip(order) ? ['apply-vip-benefits'] : []),
    ...(crossesBorder(order) ? ['customs-check'] : []),
    order.express ? 'express-shipping' : 'standard-shipping',
  ];
}
