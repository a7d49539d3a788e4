import { describe, expect, test } from 'vitest';
import { validate } from '../../src/domain/warehouse-order.ts';

const line = (warehouseId: string, sku: string, quantity: number) => ({
  warehouseId,
  sku,
  quantity,
});

describe('an order', () => {
  test('comes to so many cents, and so many pieces a warehouse', () => {
    const lines = [line('east', 'sku-1', 2), line('west', 'sku-1', 1), line('east', 'sku-2', 3)];
    expect(validate({ lines })).toEqual({
      totalCents: 3 * 1_999 + 3 * 125_000,
      pieces: { east: { 'sku-1': 2, 'sku-2': 3 }, west: { 'sku-1': 1 } },
    });
  });

  test('may name a thing twice: its pieces are added up', () => {
    const lines = [line('east', 'sku-1', 2), line('east', 'sku-1', 3)];
    expect(validate({ lines }).pieces).toEqual({ east: { 'sku-1': 5 } });
  });

  test.each([
    ['WAREHOUSE_NOT_FOUND', line('south', 'sku-1', 1)],
    ['SKU_NOT_FOUND', line('east', 'sku-9', 1)],
    ['SKU_NOT_FOUND', line('east', 'toString', 1)],
  ])('makes no sense: %s', (code, odd) => {
    expect(() => validate({ lines: [odd] })).toThrow(expect.objectContaining({ code }));
  });
});
