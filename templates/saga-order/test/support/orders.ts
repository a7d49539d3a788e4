import type { Answer, Api } from '../../scripts/api.ts';

/** A saga as the service shows it, as far as tests look at it. */
export interface Saga {
  readonly sagaId: string;
  readonly status: 'pending' | 'running' | 'completed' | 'compensating' | 'compensated' | 'failed';
  readonly currentStep: string | null;
  readonly results: Readonly<Record<string, unknown>>;
  readonly error: { readonly code: string; readonly step: string | null } | null;
}

export interface Attempt {
  readonly step: string;
  readonly kind: 'step' | 'compensation';
  readonly status: string;
  readonly attempt: number;
  readonly error: { readonly code: string } | null;
}

export interface Accepted {
  readonly sagaId: string;
  readonly orderId: string;
  readonly status: string;
}

/** One piece of product-1 to Germany, unless told otherwise. */
export function anOrder(changes: object = {}): object {
  return {
    customerId: 'customer-1',
    items: [{ productId: 'product-1', quantity: 1, priceCents: 1_000 }],
    ...changes,
  };
}

export async function placeOrder(api: Api, changes: object = {}): Promise<Accepted> {
  const answer: Answer<Accepted> = await api.post('/api/v1/orders', anOrder(changes));
  if (answer.status !== 202) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** The saga once it is over: its stream of events ends when it does. */
export async function settled(api: Api, sagaId: string): Promise<Saga> {
  await api.get(`/api/v1/sagas/${sagaId}/events`);
  return (await api.get<Saga>(`/api/v1/sagas/${sagaId}`)).body;
}

export async function historyOf(api: Api, sagaId: string): Promise<readonly Attempt[]> {
  const { body } = await api.get<{ history: readonly Attempt[] }>(
    `/api/v1/sagas/${sagaId}/history`,
  );
  return body.history;
}

/** What the participants did, in order. */
export async function effectsOf(api: Api, sagaId: string): Promise<readonly string[]> {
  const { body } = await api.get<readonly { operation: string }[]>(
    `/api/v1/effects?sagaId=${sagaId}`,
  );
  return body.map(({ operation }) => operation);
}

const UNDONE_BY: Readonly<Record<string, string>> = {
  'reserve-inventory': 'release-inventory',
  'process-payment': 'refund-payment',
  'create-shipment': 'cancel-shipment',
};

/** Every effect that a completed saga has, and no other. */
export const ALL_DONE: readonly string[] = Object.keys(UNDONE_BY);

/** Whether everything was done once and not undone, or whatever was done was undone once. */
export function isAllOrNothing(saga: Saga, effects: readonly string[]): boolean {
  const count = (operation: string): number =>
    effects.filter((effect) => effect === operation).length;
  if (saga.status === 'completed') return effects.join() === ALL_DONE.join();
  const onceEach = effects.every((effect) => count(effect) === 1);
  return (
    onceEach && Object.entries(UNDONE_BY).every(([done, undone]) => count(done) === count(undone))
  );
}
