import { exponentialBackoff } from '../../foundation/backoff.ts';
import { type Duration, durationMs } from '../../foundation/duration.ts';
import type {
  IdempotencyStore,
  IdempotentOutcome,
  OnceOptions,
  RememberedResponse,
  RequestIdentity,
} from '../../http/idempotency/idempotency-store.ts';
import { keyInUse, keyReused } from '../../http/idempotency/key-errors.ts';
import type { PostgresClient, PostgresPool, PostgresTransaction } from '../connection/client.ts';
import { sqlStateOf, translatePostgresError } from '../connection/errors.ts';
import { IdempotencyGate } from './idempotency-gate.ts';
import { CLAIM, COMPLETE, READ, SWEEP } from './idempotency-sql.ts';
import { targetOfPool } from '../connection/pool-target.ts';
import { inTransaction } from '../connection/transaction.ts';

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

interface KeyRow {
  readonly fingerprint: string;
  readonly status: number | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly body: string | null;
}

/** The server asks for these to be tried again; nothing is done until then. */
const RETRY = exponentialBackoff({ maxAttempts: 5, initialDelay: 5, maxDelay: 200 });

/** lock_not_available, query_canceled: what a wait that takes too long ends with. */
const GAVE_UP_WAITING = new Set(['55P03', '57014']);

const SWEEP_BATCH = 1_000;

/**
 * Idempotency-Keys in PostgreSQL. The key is inserted first: a second request with it, in any process, waits at the
 * primary key for the first one's commit and then reads its answer, or takes its turn when the first rolled back.
 */
export class PostgresIdempotencyStore implements IdempotencyStore<PostgresTransaction> {
  readonly #pool: PostgresPool;
  readonly #expiryMs: number;
  readonly #waitMs: number;
  readonly #gate: IdempotencyGate;

  constructor(options: PostgresIdempotencyStoreOptions) {
    this.#pool = options.pool;
    this.#expiryMs = durationMs(options.expiry ?? '24h');
    this.#waitMs = durationMs(options.waitTimeout ?? '10s');
    this.#gate = new IdempotencyGate({
      places: options.maxTransactions ?? 5,
      patienceMs: this.#waitMs,
    });
  }

  once(
    request: RequestIdentity,
    work: (transaction: PostgresTransaction) => Promise<RememberedResponse>,
    options: OnceOptions,
  ): Promise<IdempotentOutcome> {
    return this.#gate.pass(JSON.stringify([request.scope, request.key]), async () => {
      try {
        return await inTransaction(
          this.#pool,
          (transaction) => this.#run(transaction, request, work),
          {
            retry: RETRY,
          },
        );
      } catch (error) {
        const refusal = options.refusal(error);
        if (refusal === undefined) throw error;
        return this.#rememberRefusal(request, refusal);
      }
    });
  }

  async sweep(): Promise<number> {
    const result = await this.#query(this.#pool, 'sweep', SWEEP, [SWEEP_BATCH]);
    return result.rowCount ?? 0;
  }

  async #run(
    transaction: PostgresTransaction,
    request: RequestIdentity,
    work: (transaction: PostgresTransaction) => Promise<RememberedResponse>,
  ): Promise<IdempotentOutcome> {
    const known = await this.#claim(transaction, request);
    if (known !== undefined) return { response: known, replayed: true };
    const response = await work(transaction);
    const { status, headers, body } = response;
    const values = [request.scope, request.key, status, JSON.stringify(headers), body];
    await this.#query(transaction, 'complete', COMPLETE, values);
    return { response, replayed: false };
  }

  /** The refused work is rolled back by now. Whoever took the key since then decides the answer. */
  async #rememberRefusal(
    request: RequestIdentity,
    response: RememberedResponse,
  ): Promise<IdempotentOutcome> {
    const known = await this.#claim(this.#pool, request, response);
    return { response: known ?? response, replayed: known !== undefined };
  }

  /** Takes the key; or the answer that is remembered under it. */
  async #claim(
    client: PostgresClient,
    request: RequestIdentity,
    response?: RememberedResponse,
  ): Promise<RememberedResponse | undefined> {
    const { scope, key, fingerprint } = request;
    const claimed = await this.#query(client, 'claim', CLAIM, [
      scope,
      key,
      fingerprint,
      response?.status ?? null,
      response === undefined ? null : JSON.stringify(response.headers),
      response?.body ?? null,
      this.#expiryMs,
      `${Math.max(1, Math.round(this.#waitMs))}ms`,
    ]);
    if (claimed.rows.length > 0) return undefined;
    const { rows } = await this.#query<KeyRow>(client, 'read', READ, [scope, key]);
    const [row] = rows;
    // Swept between the two statements: only a key past its time is, so the next attempt will take it.
    if (row === undefined) return this.#claim(client, request, response);
    if (row.fingerprint !== fingerprint) throw keyReused(key);
    return { status: row.status ?? 200, headers: row.headers ?? {}, body: row.body };
  }

  async #query<Row extends object>(
    client: PostgresClient,
    name: string,
    text: string,
    values: unknown[],
  ): ReturnType<typeof client.query<Row>> {
    try {
      return await client.query<Row>({ name: `potter-idempotency-${name}`, text, values });
    } catch (error) {
      if (GAVE_UP_WAITING.has(sqlStateOf(error) ?? '')) throw keyInUse(error);
      throw translatePostgresError(error, targetOfPool(this.#pool));
    }
  }
}
