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

/** The saga once it is over, and has taken in all that it was told before. */
export function settled(api: Api, sagaId: string): Promise<Saga> {
  return untilOver<Saga>(api, sagaId);
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
