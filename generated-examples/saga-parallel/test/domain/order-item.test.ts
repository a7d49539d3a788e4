import { expect, test } from 'vitest';
import { totalOf } from '../../src/domain/order-item.ts';

test('the total is the sum over pieces', () => {
  const items = [
    { productId: 'a', quantity: 2, priceCents: 150 },
    { productId: 'b', quantity: 1, priceCents: 5 },
  ];
  expect(totalOf(items)).toBe(305);
});
