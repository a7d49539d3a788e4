import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from '../../scripts/api.ts';

export interface Accepted {
  readonly sagaId: string;
  readonly orderId: string;
  readonly status: string;
}

const ATTEMPTS = 10;

/**
 * Places an order that has to be accepted. As a client should, asks again with the same key when the service says that its
 * database is out of reach just now: many connections at once take a busy machine longer than a request may wait.
 */
export async function placeOrder(api: Api, order: object): Promise<Accepted> {
  const key = { 'idempotency-key': randomUUID() };
  for (let attempt = 1; ; attempt += 1) {
    const { status, body, headers } = await api.post<Accepted>('/api/v1/orders', order, key);
    if (status === 202) return body;
    const seconds = Number(headers.get('retry-after') ?? 0);
    if (seconds === 0 || attempt === ATTEMPTS)
      throw new Error(`${status}: ${JSON.stringify(body)}`);
    await delay(seconds * 1_000);
  }
}
