import { AsyncResource } from 'node:async_hooks';
import { exponentialBackoff } from '../../foundation/backoff.ts';
import { type Duration, durationMs } from '../../foundation/duration.ts';
import type {
  IdempotencyStore,
  IdempotentOutcome,
  OnceOptions,
  RememberedResponse,
  RequestIdentity,
} from '../../http/idempotency/idempotency-store.ts';
import type { PostgresPool, PostgresTransaction } from '../connection/client.ts';
import { inTransaction } from '../connection/transaction.ts';
import { IdempotencyGate } from './idempotency-gate.ts';
import { keyId, KeyRows } from './key-rows.ts';
import type { KeyedRequest, WaitingRequest } from './keyed-request.ts';
import { RequestLines } from './request-lines.ts';
import { RequestPart } from './request-part.ts';
import { runTogether } from './shared-transaction.ts';
import { within } from './within.ts';

/** Options of {@link PostgresIdempotencyStore}. */
export interface PostgresIdempotencyStoreOptions {
  readonly pool: PostgresPool;
  /** How long an answer is remembered. Default 24 h; longer than the longest time in which a client may try again. */
  readonly expiry?: Duration;
  /** How long a request waits for an earlier one with its key. Default 10 s. */
  readonly waitTimeout?: Duration;
  /**
   * Transactions at once, of this process. Default 5, half of a pool's usual 10 connections: the other half stays free
   * for handlers that need a second connection. Raise it together with the pool.
   */
  readonly maxTransactions?: number;
}

/** The server asks for these to be tried again; nothing is done until then. */
const RETRY = exponentialBackoff({ maxAttempts: 5, initialDelay: 5, maxDelay: 200 });

/** How the handlers of a route treat their transaction. */
type Manner = 'shares' | 'own';

/**
 * Idempotency-Keys in PostgreSQL. The key is inserted first: a second request with it, in any process, waits at the
 * primary key for the first one's commit and then reads its answer, or takes its turn when the first rolled back.
 *
 * Requests about one thing that wait at the same time share a transaction, when their route was seen to do no more with
 * it than to handle one command: a thing that everybody writes would else be locked for a commit of each of them.
 */
export class PostgresIdempotencyStore implements IdempotencyStore<PostgresTransaction> {
  readonly #pool: PostgresPool;
  readonly #waitMs: number;
  readonly #gate: IdempotencyGate;
  readonly #rows: KeyRows;
  readonly #lines = new RequestLines((requests) => this.#serve(requests));
  /** By route. `own` is for good. */
  readonly #manners = new Map<string, Manner>();

  constructor(options: PostgresIdempotencyStoreOptions) {
    this.#pool = options.pool;
    this.#waitMs = durationMs(options.waitTimeout ?? '10s');
    this.#rows = new KeyRows(options.pool, durationMs(options.expiry ?? '24h'));
    this.#gate = new IdempotencyGate({
      places: options.maxTransactions ?? 5,
      patienceMs: this.#waitMs,
    });
  }

  once(
    identity: RequestIdentity,
    work: (transaction: PostgresTransaction) => Promise<RememberedResponse>,
    options: OnceOptions,
  ): Promise<IdempotentOutcome> {
    const request = { identity, work, options };
    return this.#gate.oneAtATime(keyId(identity), async () => {
      const { subject } = options;
      const shares = subject !== undefined && this.#manners.get(subject.route) === 'shares';
      const outcome = shares ? await this.#inLine(subject.resource, request) : undefined;
      return outcome ?? this.#alone(request);
    });
  }

  sweep(): Promise<number> {
    return this.#rows.sweep();
  }

  /** The outcome together with others; undefined when the request has to be done by itself. */
  #inLine(resource: string, request: KeyedRequest): Promise<IdempotentOutcome | undefined> {
    return new Promise((resolve, reject) => {
      const context = new AsyncResource('potter.keyed-request');
      this.#lines.add(resource, { ...request, context, resolve, reject });
    });
  }

  async #serve(requests: readonly WaitingRequest[]): Promise<void> {
    const [only, ...others] = requests;
    if (only === undefined) return;
    if (others.length > 0) {
      await this.#gate.inPlace(() =>
        runTogether(requests, {
          pool: this.#pool,
          rows: this.#rows,
          patienceMs: this.#waitMs,
          onOwn: (request) => this.#learn(request, 'own'),
        }),
      );
      return;
    }
    const outcome = only.context.runInAsyncScope(() => this.#alone(only));
    void outcome.then(only.resolve, only.reject);
    // Whoever came meanwhile waits for as long as for anybody; then the next may try.
    await within(outcome, this.#waitMs);
  }

  #alone(request: KeyedRequest): Promise<IdempotentOutcome> {
    return this.#gate.inPlace(async () => {
      try {
        return await inTransaction(
          this.#pool,
          (transaction) => this.#attempt(transaction, request),
          { retry: RETRY },
        );
      } catch (error) {
        const response = request.options.refusal(error);
        if (response === undefined) throw error;
        return this.#rememberRefusal(request.identity, response);
      }
    });
  }

  async #attempt(
    transaction: PostgresTransaction,
    request: KeyedRequest,
  ): Promise<IdempotentOutcome> {
    const { identity, work } = request;
    const known = await this.#rows.claim(transaction, identity, this.#waitMs);
    if (known !== undefined) return { response: known, replayed: true };
    const part = new RequestPart(transaction, undefined);
    try {
      const response = await work(part.transaction);
      if (part.isShareable) this.#learn(request, 'shares');
      await this.#rows.complete(transaction, identity, response);
      return { response, replayed: false };
    } finally {
      if (part.isOwn) this.#learn(request, 'own');
    }
  }

  /** The refused work is rolled back by now. Whoever took the key since then decides the answer. */
  async #rememberRefusal(
    identity: RequestIdentity,
    response: RememberedResponse,
  ): Promise<IdempotentOutcome> {
    const known = await this.#rows.claim(this.#pool, identity, this.#waitMs, response);
    return { response: known ?? response, replayed: known !== undefined };
  }

  #learn({ options: { subject } }: KeyedRequest, manner: Manner): void {
    if (subject === undefined || this.#manners.get(subject.route) === 'own') return;
    this.#manners.set(subject.route, manner);
  }
}
