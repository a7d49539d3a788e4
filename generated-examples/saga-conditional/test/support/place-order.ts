import { randomUUID } from 'node:crypto';
import type { Api } from '../../scripts/api.ts';

export interface Accepted {
  readonly sagaId: string;
  readonly orderId: string;
  readonly status: string;
}

/** Places an order that has to be accepted, under a key of its own: it may be sent again. */
export async function placeOrder(api: Api, order: object): Promise<Accepted> {
  const key = { 'idempotency-key': randomUUID() };
  const { status, body } = await api.post<Accepted>('/api/v1/orders', order, key);
  if (status !== 202) throw new Error(`${status}: ${JSON.stringify(body)}`);
  return body;
}
