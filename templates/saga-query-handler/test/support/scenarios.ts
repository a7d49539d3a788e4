import { randomUUID } from 'node:crypto';
import type { Api } from '../../scripts/api.ts';
import type { Saga } from './sagas.ts';

export interface Accepted {
  readonly sagaId: string;
  readonly definition: string;
  readonly status: string;
}

/** Starts a saga that has to be accepted: a simple one, unless told otherwise. It may be sent again: it has a key of its own. */
export async function start(api: Api, changes: object = {}): Promise<Accepted> {
  const key = { 'idempotency-key': randomUUID() };
  const request = { definition: 'simple-saga', ...changes };
  const { status, body } = await api.post<Accepted>('/api/v1/sagas', request, key);
  if (status !== 202) throw new Error(`${status}: ${JSON.stringify(body)}`);
  return body;
}

/** Takes a moment. */
export const SLOW = { definition: 'slow-saga', context: { stepMs: 150 } };

/** Sagas that end in every way there is. */
export const KINDS: readonly object[] = [{}, SLOW, { definition: 'failing-saga' }];

/** Effects, and what undoes them. */
export const UNDONE_BY: Readonly<Record<string, string>> = {
  prepare: 'undo-prepare',
  process: 'undo-process',
  finish: 'undo-finish',
};

/** Every effect that a saga has when it is completed. */
export function allDone(_saga: Saga): readonly string[] {
  return Object.keys(UNDONE_BY);
}
