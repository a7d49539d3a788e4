import { Rejection } from 'potter-runtime/errors';

/** What was ordered. */
export interface OrderDetails {
  readonly customerId: string;
  /** `vip`, or anything else. */
  readonly customerType: string;
  readonly amountCents: number;
  readonly homeCountry: string;
  readonly shippingCountry: string;
  readonly express: boolean;
}

export type Carrier = 'express' | 'standard';

/** What becomes of an order that goes well. */
export interface Fulfilment {
  readonly carrier: Carrier;
  readonly trackingNumber: string;
  readonly discountCents: number;
  readonly payableCents: number;
}

/** What may change while orders are under way. It then goes for those that were not asked yet. */
export interface OrderRules {
  /** Orders over this are verified. */
  readonly largeOrderCents: number;
}

export const ORDER_RULES: OrderRules = { largeOrderCents: 100_000 };

const VIP_DISCOUNT_PERCENT = 5;

/** Refuses an order that makes no sense with `NOTHING_TO_PAY`. */
export function validate({ amountCents }: Pick<OrderDetails, 'amountCents'>): void {
  if (amountCents === 0) throw new Rejection('NOTHING_TO_PAY', 'The order costs nothing.');
}

export function isLarge(
  { amountCents }: Pick<OrderDetails, 'amountCents'>,
  { largeOrderCents }: OrderRules,
): boolean {
  return amountCents > largeOrderCents;
}

export function isVip({ customerType }: Pick<OrderDetails, 'customerType'>): boolean {
  return customerType === 'vip';
}

export function crossesBorder({
  homeCountry,
  shippingCountry,
}: Pick<OrderDetails, 'homeCountry' | 'shippingCountry'>): boolean {
  return homeCountry !== shippingCountry;
}

/** What a VIP does not have to pay, in whole cents. */
export function vipDiscountOf({ amountCents }: Pick<OrderDetails, 'amountCents'>): number {
  return Math.floor((amountCents * VIP_DISCOUNT_PERCENT) / 100);
}
