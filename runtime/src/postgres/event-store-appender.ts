import type { StreamAppendResult } from '../event-store/append.ts';
import { ConcurrencyConflictError } from '../event-store/concurrency-conflict-error.ts';
import { isRepeatedAppend } from '../event-store/event-id-conflict.ts';
import {
  type PreparedAppend,
  type PreparedWrite,
  recordedForm,
} from '../event-store/prepare-append.ts';
import { exponentialBackoff, nextDelayMs } from '../foundation/backoff.ts';
import type { JsonCodec } from '../foundation/json.ts';
import { sleep } from '../foundation/sleep.ts';
import type { PostgresClient, PostgresPool, PostgresTransaction } from './client.ts';
import { reserveStreamsSql } from './event-store-append-sql.ts';
import {
  type AppendRow,
  type AppendVerdict,
  runAppendStatement,
} from './event-store-append-statement.ts';
import {
  hasInlineProjection,
  type InlineProjection,
  projectInline,
} from './event-store-inline-projection.ts';
import { EVENT_COLUMNS, eventOfRow, type EventRow } from './event-store-row.ts';
import { inTransaction } from './transaction.ts';
import { sqlStateOf } from './errors.ts';

/** The streams of one append, in the order of its writes. */
export type Appended = readonly StreamAppendResult[];

/** Lost races that a second look decides: a taken id, a deadlock, a failed serialization. */
const RACES: ReadonlySet<string> = new Set(['23505', '40P01', '40001']);
const RETRY = exponentialBackoff({ maxAttempts: 8, initialDelay: 2, maxDelay: 100 });

/** Runs appends one by one; {@link GroupedAppender} puts them together. */
export class PostgresAppender {
  readonly #pool: PostgresPool;
  readonly #codec: JsonCodec;
  readonly #projections: readonly InlineProjection[];
  #rowsWritten = 1;

  constructor(pool: PostgresPool, codec: JsonCodec, projections: readonly InlineProjection[]) {
    this.#pool = pool;
    this.#codec = codec;
    this.#projections = projections;
  }

  /** Whether an append must not share a statement: it has several streams, or somebody projects inline. */
  needsTransaction({ writes, checks }: PreparedAppend): boolean {
    if (writes.length + checks.length > 1) return true;
    const types = new Set(writes.flatMap(({ events }) => events.map(({ type }) => type)));
    return hasInlineProjection(this.#projections, types);
  }

  /** Appends in a transaction of the store's own, or without one where a statement is enough. */
  async append(append: PreparedAppend): Promise<Appended> {
    const startedAt = performance.now();
    for (let attempt = 1; ; attempt += 1) {
      const result = await this.#attempt(append).catch((error: unknown) => {
        const state = sqlStateOf(error);
        if (state === undefined || !RACES.has(state)) throw error;
        return error;
      });
      if (Array.isArray(result)) return result as Appended;
      const delayMs = nextDelayMs(RETRY, { attempt, elapsedMs: performance.now() - startedAt });
      if (delayMs === undefined) throw result;
      await sleep(delayMs);
    }
  }

  /** Appends in the caller's transaction. A refusal is thrown with the transaction as it was and still usable. */
  async appendIn(transaction: PostgresTransaction, append: PreparedAppend): Promise<Appended> {
    const streams = [...append.writes, ...append.checks]
      .filter(({ expected }) => typeof expected !== 'bigint' || expected === 0n)
      .map(({ stream }) => stream)
      .sort();
    // With a row to lock for every stream nobody can create one between the verdict and the insert.
    if (streams.length > 0) {
      await transaction.query({
        name: 'potter_reserve_streams',
        text: reserveStreamsSql,
        values: [streams],
      });
    }
    const result = await this.#once(transaction, append, false);
    await projectInline(
      this.#projections,
      result.flatMap(({ events }) => events),
      transaction,
    );
    return result;
  }

  /** Runs the statement for a group of single-stream appends. */
  runGroup(rows: readonly AppendRow[]): Promise<readonly AppendVerdict[]> {
    return this.#run(this.#pool, rows, 'group', false);
  }

  /** The result of a repeated append, or undefined when none of its ids is known. */
  async findRepeated(
    client: PostgresClient,
    append: PreparedAppend,
  ): Promise<Appended | undefined> {
    const chosen = append.writes.flatMap(({ events }) => events).filter(({ idGiven }) => idGiven);
    if (chosen.length === 0) return undefined;
    const { rows } = await client.query<EventRow>({
      name: 'potter_events_by_id',
      text: `select ${EVENT_COLUMNS} from potter.events where event_id = any($1::uuid[])`,
      values: [chosen.map(({ id }) => id)],
    });
    const events = new Map(rows.map((row) => [row.id, eventOfRow(row, this.#codec)]));
    if (!isRepeatedAppend(append, [...events.values()])) return undefined;
    return append.writes.map(({ stream, events: asked }) => {
      const found = asked.flatMap(({ id }) => events.get(id) ?? []);
      const last = found.at(-1);
      return {
        stream,
        version: last?.version ?? 0n,
        lastPosition: last?.position ?? 0n,
        events: found,
        alreadyAppended: true,
      };
    });
  }

  async #attempt(append: PreparedAppend): Promise<Appended> {
    if (this.needsTransaction(append))
      return inTransaction(this.#pool, (tx) => this.appendIn(tx, append));
    return this.#once(this.#pool, append, true);
  }

  /** @param raceable the statement is a transaction of its own, so a stream may appear while it runs. */
  async #once(
    client: PostgresClient,
    append: PreparedAppend,
    raceable: boolean,
  ): Promise<Appended> {
    const rows: AppendRow[] = [
      ...append.writes,
      ...append.checks.map((check): AppendRow => ({ ...check, events: [] })),
    ];
    for (;;) {
      const verdicts = await this.#run(client, rows, 'alone', !raceable);
      const conflict = verdicts.findIndex(({ kind }) => kind === 'conflict');
      if (conflict >= 0 || verdicts.some(({ kind }) => kind === 'repeated')) {
        const repeated = await this.findRepeated(client, append);
        if (repeated !== undefined) return repeated;
      }
      const [refused, verdict] = [rows[conflict], verdicts[conflict]];
      if (refused !== undefined && verdict?.kind === 'conflict') {
        throw conflictOf(refused, verdict.actual);
      }
      if (verdicts.every(({ kind }) => kind === 'ok')) {
        return append.writes.map((write, index) => resultOfVerdict(write, verdicts[index]));
      }
    }
  }

  async #run(
    client: PostgresClient,
    rows: readonly AppendRow[],
    mode: 'group' | 'alone',
    notify: boolean,
  ): Promise<readonly AppendVerdict[]> {
    this.#rowsWritten += rows.length;
    const planAge = Math.floor(Math.log2(this.#rowsWritten));
    return runAppendStatement(client, rows, { mode, notify, planAge });
  }
}

/** The error for a row that was refused. */
export function conflictOf(row: AppendRow, actual: bigint): ConcurrencyConflictError {
  return new ConcurrencyConflictError(row.stream, row.expected, actual);
}

/** The result of a write that was accepted, whose events start at `offset` of its row. */
export function resultOfVerdict(
  write: PreparedWrite,
  verdict: AppendVerdict | undefined,
  offset = 0,
): StreamAppendResult {
  if (verdict?.kind !== 'ok') throw new TypeError('an append that was not accepted has no result');
  const events = write.events.map((event, index) =>
    recordedForm(write, event, {
      version: verdict.firstVersion + BigInt(offset + index),
      position: verdict.positions[offset + index] ?? 0n,
      recordedAt: verdict.recordedAt,
    }),
  );
  const last = events.at(-1);
  return {
    stream: write.stream,
    version: last?.version ?? 0n,
    lastPosition: last?.position ?? 0n,
    events,
    alreadyAppended: false,
  };
}
