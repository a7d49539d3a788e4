import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from './api.ts';
import { say } from './story.ts';

/** One attempt of a step, or of its undo. */
export interface Attempt {
  readonly step: string;
  readonly kind: 'step' | 'compensation';
  readonly status: string;
  readonly attempt: number;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Waits until a saga is over, which it has to be in this way, and tells every attempt of it. */
export async function tellSaga(api: Api, sagaId: string, end: string): Promise<void> {
  const { status: ended } = await untilOver(api, sagaId);
  for (const { step, kind, attempt, status, error } of await historyOf(api, sagaId)) {
    const what = kind === 'step' ? step : `undo ${step}`;
    const why = status === 'skipped' ? error?.message : error?.code;
    say(
      attempt > 1 ? `${what}, attempt ${attempt}` : what,
      why === undefined ? status : `${status}: ${why}`,
    );
  }
  if (ended !== end) throw new Error(`the saga is ${ended}, not ${end}`);
}

/** What a saga says of where it stands. */
interface Standing {
  readonly status: string;
  /** Told something that it has not taken in yet: more comes, also where it is over. */
  readonly unheard?: boolean;
}

const UNDER_WAY = ['pending', 'running', 'compensating'];

/** What a browser waits before it follows a broken stream of events anew, in ms. */
const RECONNECT_MS = 1_000;

/**
 * The saga once it is over, which includes all that it was told before: the stream of its events ends then. One that breaks
 * before is followed anew.
 */
export async function untilOver<Saga extends Standing>(api: Api, sagaId: string): Promise<Saga> {
  for (;;) {
    await api.get(`/api/v1/sagas/${sagaId}/events`);
    const { status, body } = await api.get<Saga>(`/api/v1/sagas/${sagaId}`);
    if (status < 500 && !UNDER_WAY.includes(body.status) && body.unheard !== true) return body;
    await delay(RECONNECT_MS);
  }
}

/** Every attempt of a saga, in the order in which they began. */
export async function historyOf(api: Api, sagaId: string): Promise<readonly Attempt[]> {
  const path = `/api/v1/sagas/${sagaId}/history`;
  return (await api.get<{ history: readonly Attempt[] }>(path)).body.history;
}
