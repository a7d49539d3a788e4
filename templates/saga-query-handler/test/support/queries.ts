import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from '../../scripts/api.ts';
import type { Saga } from './sagas.ts';

/** Between looks at what is told to nobody over HTTP, in ms. */
const LOOK_MS = 20;

export interface SagaPage {
  readonly sagas: readonly (Omit<Saga, 'input' | 'results'> & {
    readonly definition: string;
    readonly correlationId: string;
    readonly startedAt: string;
    readonly durationMs: number | null;
  })[];
  readonly total: number;
  readonly limit: number;
  readonly offset: number;
  readonly nextCursor: string | null;
}

export interface Projection {
  readonly name: string;
  readonly generation: number;
  readonly position: number;
  readonly head: number;
  readonly lag: number;
  readonly state: 'running' | 'paused' | 'stopped';
  readonly rebuild: { readonly generation: number } | null;
}

/** A page of sagas. */
export async function listOf(api: Api, query: Record<string, string>): Promise<SagaPage> {
  const { status, body } = await api.get<SagaPage>(
    `/api/v1/sagas?${new URLSearchParams(query).toString()}`,
  );
  if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`);
  return body;
}

/** The one projection of this service, once it is known: a service listens before it has begun everything. */
export async function projectionOf(api: Api): Promise<Projection> {
  for (;;) {
    const { body } = await api.get<{ projections: readonly Projection[] }>('/api/v1/projections');
    const [projection] = body.projections;
    if (projection !== undefined) return projection;
    await delay(LOOK_MS);
  }
}

/** Waits until the read model has everything that was committed by now. */
export async function caughtUp(api: Api): Promise<void> {
  const { head } = await projectionOf(api);
  while ((await projectionOf(api)).position < head) await delay(LOOK_MS);
}
