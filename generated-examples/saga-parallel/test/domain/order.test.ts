import { describe, expect, test } from 'vitest';
import { MAX_PIECES, validate } from '../../src/domain/order.ts';

const items = (quantity: number, priceCents: number) => [
  { productId: 'product-1', quantity, priceCents },
  { productId: 'product-2', quantity: 1, priceCents },
];

describe('an order', () => {
  test('comes to so many cents and pieces', () => {
    expect(validate({ items: items(2, 150) })).toEqual({ totalCents: 450, pieces: 3 });
  });

  test('that costs nothing is none', () => {
    expect(() => validate({ items: items(1, 0) })).toThrow(
      expect.objectContaining({ code: 'NOTHING_TO_PAY' }),
    );
  });

  test('goes into one delivery', () => {
    expect(validate({ items: items(MAX_PIECES - 1, 1) }).pieces).toBe(MAX_PIECES);
    expect(() => validate({ items: items(MAX_PIECES, 1) })).toThrow(
      expect.objectContaining({ code: 'TOO_MANY_PIECES' }),
    );
  });
});
