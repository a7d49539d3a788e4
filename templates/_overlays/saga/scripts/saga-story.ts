import type { Api } from './api.ts';
import { say } from './story.ts';

interface History {
  readonly history: readonly {
    readonly step: string;
    readonly kind: 'step' | 'compensation';
    readonly status: string;
    readonly attempt: number;
    readonly error: { readonly code: string; readonly message: string } | null;
  }[];
}

/** Waits until a saga is over, which has to be so, and tells every attempt of it. */
export async function tellSaga(api: Api, sagaId: string, end: string): Promise<void> {
  // The stream of a saga's events ends when the saga does.
  await api.get(`/api/v1/sagas/${sagaId}/events`);
  const { history } = (await api.get<History>(`/api/v1/sagas/${sagaId}/history`)).body;
  for (const { step, kind, attempt, status, error } of history) {
    const what = kind === 'step' ? step : `undo ${step}`;
    const why = status === 'skipped' ? error?.message : error?.code;
    say(
      attempt > 1 ? `${what}, attempt ${attempt}` : what,
      why === undefined ? status : `${status}: ${why}`,
    );
  }
  const { status } = (await api.get<{ status: string }>(`/api/v1/sagas/${sagaId}`)).body;
  if (status !== end) throw new Error(`the saga is ${status}, not ${end}`);
}
