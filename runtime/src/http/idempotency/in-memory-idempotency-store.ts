import { type Clock, systemClock } from '../../foundation/clock.ts';
import { type Duration, durationMs } from '../../foundation/duration.ts';
import { keyReused } from './key-errors.ts';
import type {
  IdempotencyStore,
  IdempotentOutcome,
  OnceOptions,
  RememberedResponse,
  RequestIdentity,
} from './idempotency-store.ts';

interface Entry {
  readonly fingerprint: string;
  readonly expiresAtMs: number;
  readonly response: RememberedResponse;
}

/**
 * Idempotency-Keys in this process only, for tests and for services without a database. It has no transactions: what
 * a failed handler did before it failed stays done.
 */
export class InMemoryIdempotencyStore implements IdempotencyStore<never> {
  readonly #entries = new Map<string, Entry>();
  readonly #busy = new Map<string, Promise<unknown>>();
  readonly #clock: Clock;
  readonly #expiryMs: number;

  constructor(options: { readonly clock?: Clock; readonly expiry?: Duration } = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#expiryMs = durationMs(options.expiry ?? '24h');
  }

  async once(
    request: RequestIdentity,
    work: (transaction: never) => Promise<RememberedResponse>,
    options: OnceOptions,
  ): Promise<IdempotentOutcome> {
    const id = JSON.stringify([request.scope, request.key]);
    for (let busy = this.#busy.get(id); busy !== undefined; busy = this.#busy.get(id)) await busy;
    const known = this.#entries.get(id);
    if (known !== undefined && known.expiresAtMs > this.#clock.now().getTime()) {
      if (known.fingerprint !== request.fingerprint) throw keyReused(request.key);
      return { response: known.response, replayed: true };
    }
    const running = this.#run(id, request, work, options);
    // Those who wait only want to know when, not how, it ended.
    this.#busy.set(id, Promise.allSettled([running]));
    try {
      return { response: await running, replayed: false };
    } finally {
      this.#busy.delete(id);
    }
  }

  async sweep(): Promise<number> {
    const nowMs = this.#clock.now().getTime();
    const expired = [...this.#entries].filter(([, entry]) => entry.expiresAtMs <= nowMs);
    for (const [id] of expired) this.#entries.delete(id);
    return expired.length;
  }

  async #run(
    id: string,
    request: RequestIdentity,
    work: (transaction: never) => Promise<RememberedResponse>,
    options: OnceOptions,
  ): Promise<RememberedResponse> {
    const response = await this.#answer(work, options);
    const expiresAtMs = this.#clock.now().getTime() + this.#expiryMs;
    this.#entries.set(id, { fingerprint: request.fingerprint, expiresAtMs, response });
    return response;
  }

  async #answer(
    work: (transaction: never) => Promise<RememberedResponse>,
    options: OnceOptions,
  ): Promise<RememberedResponse> {
    try {
      // There is no transaction, and `never` says so to whoever would use one.
      return await work(undefined as never);
    } catch (error) {
      const refusal = options.refusal(error);
      if (refusal === undefined) throw error;
      return refusal;
    }
  }
}
