import type {
  RememberedResponse,
  RequestIdentity,
} from '../../http/idempotency/idempotency-store.ts';
import { keyInUse, keyReused } from '../../http/idempotency/key-errors.ts';
import type { PostgresClient, PostgresPool, PostgresTransaction } from '../connection/client.ts';
import { sqlStateOf, translatePostgresError } from '../connection/errors.ts';
import { targetOfPool } from '../connection/pool-target.ts';
import {
  CLAIM,
  CLAIM_ALL,
  COMPLETE,
  COMPLETE_ALL,
  READ,
  READ_ALL,
  RELEASE,
  SWEEP,
  WAIT,
} from './idempotency-sql.ts';

interface KeyRow {
  readonly scope: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly status: number | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly body: string | null;
}

/** lock_not_available, query_canceled: what a wait that takes too long ends with. */
const GAVE_UP_WAITING = new Set(['55P03', '57014']);

const SWEEP_BATCH = 1_000;

/** One text for one key of one scope. */
export function keyId({ scope, key }: { readonly scope: string; readonly key: string }): string {
  return JSON.stringify([scope, key]);
}

/** The statements on `potter.idempotency_keys`. */
export class KeyRows {
  readonly #pool: PostgresPool;
  readonly #expiryMs: number;

  constructor(pool: PostgresPool, expiryMs: number) {
    this.#pool = pool;
    this.#expiryMs = expiryMs;
  }

  /** Takes the key, with its answer when there is one; or gives the answer that is remembered under it. */
  async claim(
    client: PostgresClient,
    request: RequestIdentity,
    waitMs: number,
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
      milliseconds(waitMs),
    ]);
    if (claimed.rows.length > 0) return undefined;
    const { rows } = await this.#query<KeyRow>(client, 'read', READ, [scope, key]);
    const [row] = rows;
    // Swept between the two statements: only a key past its time is, so the next attempt will take it.
    if (row === undefined) return this.claim(client, request, waitMs, response);
    if (row.fingerprint !== fingerprint) throw keyReused(key);
    return responseOf(row);
  }

  /** Takes the keys that are free. Gives their ids; see {@link keyId}. */
  async claimAll(
    client: PostgresClient,
    requests: readonly RequestIdentity[],
    waitMs: number,
  ): Promise<ReadonlySet<string>> {
    const ids = new Map(requests.map((request) => [keyId(request), request]));
    // Every process takes keys in this order, so that no two wait for each other.
    const sorted = [...ids.keys()].toSorted().flatMap((id) => ids.get(id) ?? []);
    const { rows } = await this.#query<KeyRow>(client, 'claim-all', CLAIM_ALL, [
      sorted.map(({ scope }) => scope),
      sorted.map(({ key }) => key),
      sorted.map(({ fingerprint }) => fingerprint),
      this.#expiryMs,
      milliseconds(waitMs),
    ]);
    return new Set(rows.map(keyId));
  }

  /** Bounds the waits for locks in the rest of a transaction. */
  async waitAtMost(transaction: PostgresTransaction, waitMs: number): Promise<void> {
    await this.#query(transaction, 'wait', WAIT, [milliseconds(waitMs)]);
  }

  /** The answers remembered under keys, or why there is none, by {@link keyId}. One that was swept is missing. */
  async readAll(
    client: PostgresClient,
    requests: readonly RequestIdentity[],
  ): Promise<ReadonlyMap<string, RememberedResponse | Error>> {
    const { rows } = await this.#query<KeyRow>(client, 'read-all', READ_ALL, [
      requests.map(({ scope }) => scope),
      requests.map(({ key }) => key),
    ]);
    const asked = new Map(requests.map((request) => [keyId(request), request.fingerprint]));
    return new Map(
      rows.map((row) => {
        const id = keyId(row);
        return [id, row.fingerprint === asked.get(id) ? responseOf(row) : keyReused(row.key)];
      }),
    );
  }

  /** Puts the answer to a key taken by the same transaction. */
  async complete(
    client: PostgresClient,
    { scope, key }: RequestIdentity,
    { status, headers, body }: RememberedResponse,
  ): Promise<void> {
    const values = [scope, key, status, JSON.stringify(headers), body];
    await this.#query(client, 'complete', COMPLETE, values);
  }

  /** Puts the answers to keys taken by the same transaction. */
  async completeAll(
    client: PostgresClient,
    answered: readonly (readonly [RequestIdentity, RememberedResponse])[],
  ): Promise<void> {
    await this.#query(client, 'complete-all', COMPLETE_ALL, [
      answered.map(([{ scope }]) => scope),
      answered.map(([{ key }]) => key),
      answered.map(([{ fingerprint }]) => fingerprint),
      answered.map(([, { status }]) => status),
      answered.map(([, { headers }]) => JSON.stringify(headers)),
      answered.map(([, { body }]) => body),
    ]);
  }

  /** Gives a key back that the same transaction took. */
  async release(client: PostgresClient, { scope, key }: RequestIdentity): Promise<void> {
    await this.#query(client, 'release', RELEASE, [scope, key]);
  }

  /** Forgets some keys past their time. Returns how many. */
  async sweep(): Promise<number> {
    const result = await this.#query(this.#pool, 'sweep', SWEEP, [SWEEP_BATCH]);
    return result.rowCount ?? 0;
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

function responseOf({ status, headers, body }: KeyRow): RememberedResponse {
  return { status: status ?? 200, headers: headers ?? {}, body };
}

function milliseconds(waitMs: number): string {
  return `${Math.max(1, Math.round(waitMs))}ms`;
}
