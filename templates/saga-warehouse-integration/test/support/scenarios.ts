import { randomUUID } from 'node:crypto';
import type { Api } from '../../scripts/api.ts';
import { WAREHOUSES, type WarehouseOrder } from '../../src/domain/warehouse-order.ts';
import type { Saga } from './sagas.ts';

export interface Accepted {
  readonly sagaId: string;
  readonly status: string;
}

/** So many pieces of sku-1 from each of these warehouses. */
export function lines(
  quantity: number,
  ...warehouseIds: readonly string[]
): readonly { readonly warehouseId: string; readonly sku: string; readonly quantity: number }[] {
  return warehouseIds.map((warehouseId) => ({ warehouseId, sku: 'sku-1', quantity }));
}

/** One piece of sku-1 from every warehouse, unless told otherwise. */
export function anOrder(changes: object = {}): object {
  return { customerId: 'customer-1', lines: lines(1, ...WAREHOUSES), ...changes };
}

/** Places an order, and so starts its saga. It may be sent again: it has a key of its own. */
export async function start(api: Api, changes: object = {}): Promise<Accepted> {
  const key = { 'idempotency-key': randomUUID() };
  const order = anOrder(changes);
  const { status, body } = await api.post<Accepted>('/api/v1/warehouse-orders', order, key);
  if (status !== 202) throw new Error(`${status}: ${JSON.stringify(body)}`);
  return body;
}

/** Takes a moment: its payment is tried three times. */
export const SLOW = { paymentToken: 'flaky', lines: lines(1, 'north') };

/** Orders that end in every way there is. */
export const KINDS: readonly object[] = [
  {},
  SLOW,
  { paymentToken: 'declined' },
  { lines: [...lines(1, 'east', 'west'), ...lines(10_000, 'north')] },
];

/** Effects, and what undoes them. */
export const UNDONE_BY: Readonly<Record<string, string>> = {
  'reserve-east': 'release-east',
  'reserve-west': 'release-west',
  'reserve-north': 'release-north',
  'process-payment': 'refund-payment',
};

/** Every effect that this saga has when it is completed. */
export function allDone({ input }: Saga): readonly string[] {
  const { lines: ordered } = input as WarehouseOrder;
  return [...ordered.map(({ warehouseId }) => `reserve-${warehouseId}`), 'process-payment'];
}
