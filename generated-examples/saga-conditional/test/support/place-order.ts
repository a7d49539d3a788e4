import type { Api } from '../../scripts/api.ts';

export interface Accepted {
  readonly sagaId: string;
  readonly orderId: string;
  readonly status: string;
}

/** Places an order that has to be accepted. */
export async function placeOrder(api: Api, order: object): Promise<Accepted> {
  const { status, body } = await api.post<Accepted>('/api/v1/orders', order);
  if (status !== 202) throw new Error(`${status}: ${JSON.stringify(body)}`);
  return body;
}
