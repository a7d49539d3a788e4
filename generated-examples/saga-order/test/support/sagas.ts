import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from '../../scripts/api.ts';
import { untilOver } from '../../scripts/saga-story.ts';

/** A saga as the service shows it, as far as tests look at it. */
export interface Saga {
  readonly sagaId: string;
  readonly status: 'pending' | 'running' | 'completed' | 'compensating' | 'compensated' | 'failed';
  readonly currentStep: string | null;
  readonly input: unknown;
  readonly results: Readonly<Record<string, unknown>>;
  readonly error: { readonly code: string; readonly step: string | null } | null;
}

export interface Attempt {
  readonly step: string;
  readonly kind: 'step' | 'compensation';
  readonly status: string;
  readonly attempt: number;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly durationMs: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** The saga once it is over. */
export async function settled(api: Api, sagaId: string): Promise<Saga> {
  await untilOver(api, sagaId);
  return (await api.get<Saga>(`/api/v1/sagas/${sagaId}`)).body;
}

/** A saga that was completed, once whoever runs it has heard that it is to be undone, and has done so. */
export async function undoneAfterEnd(api: Api, sagaId: string): Promise<Saga> {
  for (;;) {
    const saga = await settled(api, sagaId);
    if (saga.status !== 'completed') return saga;
    await delay(100);
  }
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
