import { describe, expect, test } from 'vitest';
import {
  crossesBorder,
  isLarge,
  isVip,
  ORDER_RULES,
  validate,
  vipDiscountOf,
} from '../../src/domain/order.ts';

test('an order that costs nothing is none', () => {
  expect(() => validate({ amountCents: 0 })).toThrow(
    expect.objectContaining({ code: 'NOTHING_TO_PAY' }),
  );
  expect(() => validate({ amountCents: 1 })).not.toThrow();
});

describe('an order', () => {
  test.each([
    [99_999, false],
    [100_000, false],
    [100_001, true],
  ])('of %i cents is large: %s', (amountCents, large) => {
    expect(isLarge({ amountCents }, ORDER_RULES)).toBe(large);
  });

  test.each([
    ['vip', true],
    ['VIP', false],
    ['regular', false],
  ])('of a customer who is %s has benefits: %s', (customerType, vip) => {
    expect(isVip({ customerType })).toBe(vip);
  });

  test.each([
    ['DE', 'DE', false],
    ['DE', 'CH', true],
  ])('from %s to %s crosses a border: %s', (homeCountry, shippingCountry, crosses) => {
    expect(crossesBorder({ homeCountry, shippingCountry })).toBe(crosses);
  });
});

test('a VIP pays five percent less, in whole cents', () => {
  expect(vipDiscountOf({ amountCents: 1_000 })).toBe(50);
  expect(vipDiscountOf({ amountCents: 1_019 })).toBe(50);
});
