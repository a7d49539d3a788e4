import { Rejection } from 'potter-runtime/errors';

/** So many pieces out of one warehouse. */
export interface OrderLine {
  readonly warehouseId: string;
  readonly sku: string;
  readonly quantity: number;
}

/** What was ordered. */
export interface WarehouseOrder {
  readonly customerId: string;
  readonly lines: readonly OrderLine[];
  /** What the customer pays with. */
  readonly paymentToken: string;
}

/** Pieces by sku. */
export type Pieces = Readonly<Record<string, number>>;

/** An order that makes sense. */
export interface ValidatedOrder {
  readonly totalCents: number;
  /** What is wanted of each warehouse. */
  readonly pieces: Readonly<Record<string, Pieces>>;
}

export const WAREHOUSES = ['east', 'west', 'north'] as const;

/** What one piece costs. */
const PRICE_CENTS: ReadonlyMap<string, number> = new Map([
  ['sku-1', 1_999],
  ['sku-2', 125_000],
]);

/** What the order comes to, and what it wants of whom. Refuses with `WAREHOUSE_NOT_FOUND` or `SKU_NOT_FOUND`. */
export function validate({ lines }: Pick<WarehouseOrder, 'lines'>): ValidatedOrder {
  const pieces: Record<string, Record<string, number>> = {};
  let totalCents = 0;
  for (const { warehouseId, sku, quantity } of lines) {
    if (!WAREHOUSES.some((known) => known === warehouseId)) {
      throw new Rejection('WAREHOUSE_NOT_FOUND', `There is no warehouse ${warehouseId}.`);
    }
    const priceCents = PRICE_CENTS.get(sku);
    if (priceCents === undefined) throw new Rejection('SKU_NOT_FOUND', `There is no ${sku}.`);
    totalCents += quantity * priceCents;
    const wanted = (pieces[warehouseId] ??= {});
    wanted[sku] = (wanted[sku] ?? 0) + quantity;
  }
  return { totalCents, pieces };
}
