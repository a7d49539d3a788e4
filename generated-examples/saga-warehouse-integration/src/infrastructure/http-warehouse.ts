import { PotterError, Rejection } from 'potter-runtime/errors';
import { httpParticipant, type TwoPhaseParticipant } from 'potter-runtime/sagas';
import type { Call } from '../application/call.ts';
import type { Reservation, Stock, Warehouse } from '../application/warehouse.ts';
import type { Effect } from './effects.ts';

const TIMEOUT_MS = 5_000;

/** A warehouse that is a service elsewhere, with prepare, commit and abort among its endpoints. */
export class HttpWarehouse implements Warehouse {
  readonly participant: TwoPhaseParticipant<Reservation>;
  readonly #id: string;
  readonly #url: string;

  constructor(id: string, url: string) {
    this.#id = id;
    this.#url = url.replace(/\/+$/, '');
    this.participant = httpParticipant<Reservation>({ name: id, url: `${this.#url}/two-phase` });
  }

  async release({ sagaId, key, signal }: Call<'undo'>): Promise<void> {
    await this.#ask('release', signal, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sagaId, key }),
    });
  }

  async stock(sku: string): Promise<Stock> {
    return (await this.#ask(`stock/${encodeURIComponent(sku)}`)) as Stock;
  }

  async effects(sagaId: string): Promise<readonly Effect[]> {
    const answer = await this.#ask(`effects?sagaId=${encodeURIComponent(sagaId)}`);
    const effects = answer as readonly (Omit<Effect, 'at'> & { readonly at: string })[];
    return effects.map((effect) => ({ ...effect, at: new Date(effect.at) }));
  }

  async #ask(path: string, signal?: AbortSignal, request: RequestInit = {}): Promise<unknown> {
    const within = AbortSignal.timeout(TIMEOUT_MS);
    const options = {
      ...request,
      signal: signal === undefined ? within : AbortSignal.any([signal, within]),
    };
    let response: Response;
    let answer: unknown;
    try {
      response = await fetch(`${this.#url}/${path}`, options);
      answer = await response.json();
    } catch (cause) {
      throw this.#unavailable('gives no answer', cause);
    }
    if (response.ok) return answer;
    const { code, detail } = answer as { readonly code: string; readonly detail: string };
    if (response.status === 404) throw new Rejection(code, detail, { kind: 'not-found' });
    throw this.#unavailable(`answered ${response.status} ${code}: ${detail}`);
  }

  #unavailable(what: string, cause?: unknown): PotterError {
    return new PotterError('REMOTE_UNAVAILABLE', {
      message: `The warehouse ${this.#id} ${what}.`,
      cause,
    });
  }
}
