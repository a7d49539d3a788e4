import type { StreamAppendResult } from '../../event-store/append.ts';
import { ConcurrencyConflictError } from '../../event-store/concurrency-conflict-error.ts';
import { isRepeatedAppend } from '../../event-store/event-id-conflict.ts';
import { type ExpectedVersion, isExpected } from '../../event-store/expected-version.ts';
import {
  type PreparedAppend,
  type PreparedWrite,
  recordedForm,
} from '../../event-store/prepare-append.ts';
import type { RecordedEvent } from '../../events/recorded-event.ts';
import type { StreamId } from '../../events/stream-id.ts';
import { exponentialBackoff, nextDelayMs } from '../../foundation/backoff.ts';
import type { JsonCodec } from '../../foundation/json.ts';
import { sleep } from '../../foundation/sleep.ts';
import type { PostgresClient, PostgresPool, PostgresTransaction } from '../connection/client.ts';
import { sqlStateOf } from '../connection/errors.ts';
import {
  type AppendForm,
  lockStreamsSql,
  reserveStreamsSql,
  streamVersionsSql,
} from './append-sql.ts';
import { compareStreams, runAppendStatement, type WrittenRow } from './append-statement.ts';
import { hasInlineProjection, type InlineProjection, projectInline } from './inline-projection.ts';
import { EVENT_COLUMNS, eventOfRow, type EventRow } from './row.ts';
import { isToBePrepared } from '../connection/to-be-prepared.ts';
import { inTransaction } from '../connection/transaction.ts';

/** The streams of one append, in the order of its writes. */
export type Appended = readonly StreamAppendResult[];

/** Lost races that a second look decides: a taken id, a deadlock, a failed serialization. */
const RACES: ReadonlySet<string> = new Set(['23505', '40P01', '40001']);
const RETRY = exponentialBackoff({ maxAttempts: 8, initialDelay: 2, maxDelay: 100 });

/** Runs one append at a time, in a transaction of its own or in the caller's. */
export class PostgresAppender {
  readonly #pool: PostgresPool;
  readonly #codec: JsonCodec;
  readonly #projections: readonly InlineProjection[];

  constructor(pool: PostgresPool, codec: JsonCodec, projections: readonly InlineProjection[]) {
    this.#pool = pool;
    this.#codec = codec;
    this.#projections = projections;
  }

  /** Whether one statement is not enough: there are several streams, or somebody projects inline. */
  needsTransaction({ writes, checks }: PreparedAppend): boolean {
    if (writes.length + checks.length > 1) return true;
    if (this.#projections.length === 0) return false;
    const types = new Set(writes.flatMap(({ events }) => events.map(({ type }) => type)));
    return hasInlineProjection(this.#projections, types);
  }

  /** Appends in a transaction of the store's own. */
  async append(append: PreparedAppend): Promise<Appended> {
    const startedAt = performance.now();
    for (let attempt = 1; ; attempt += 1) {
      try {
        if (!this.needsTransaction(append)) return await this.#single(this.#pool, append, 'alone');
        return await inTransaction(this.#pool, (transaction) => this.appendIn(transaction, append));
      } catch (error) {
        const elapsedMs = performance.now() - startedAt;
        const delayMs = RACES.has(sqlStateOf(error) ?? '')
          ? nextDelayMs(RETRY, { attempt, elapsedMs })
          : undefined;
        if (delayMs === undefined) throw error;
        await sleep(delayMs);
      }
    }
  }

  /** Appends in the caller's transaction. A refusal is thrown with the transaction as it was and still usable. */
  async appendIn(transaction: PostgresTransaction, append: PreparedAppend): Promise<Appended> {
    const simple = append.writes.length + append.checks.length === 1 && !hasChosenIds(append);
    const result = simple
      ? await this.#single(transaction, append, modeIn(transaction))
      : await this.#locked(transaction, append);
    const written = result.flatMap(({ events, alreadyAppended }) =>
      alreadyAppended ? [] : events,
    );
    await projectInline(this.#projections, written, transaction);
    return result;
  }

  /**
   * The results of appends that repeat earlier ones; the others, none of whose ids is known, are not in the map.
   * An append that mixes both has its error instead.
   */
  async findRepeated(
    client: PostgresClient,
    appends: readonly PreparedAppend[],
  ): Promise<ReadonlyMap<PreparedAppend, Appended | Error>> {
    const results = new Map<PreparedAppend, Appended | Error>();
    const chosen = appends.flatMap(chosenIds);
    if (chosen.length === 0) return results;
    const { rows } = await client.query<EventRow>({
      name: 'potter_events_by_id',
      text: `select ${EVENT_COLUMNS} from unnest($1::uuid[]) as chosen (id)
        cross join lateral (select * from potter.events where event_id = chosen.id limit 1) events`,
      values: [chosen],
    });
    if (rows.length === 0) return results;
    const known = new Map(rows.map((row) => [row.id, eventOfRow(row, this.#codec)]));
    for (const append of appends) {
      try {
        const found = chosenIds(append).flatMap((id) => known.get(id) ?? []);
        if (isRepeatedAppend(append, found)) results.set(append, repeatedResult(append, known));
      } catch (error) {
        results.set(append, error as Error);
      }
    }
    return results;
  }

  /** Why writes of single streams were refused; undefined for one that would be accepted now. */
  async refusals(
    client: PostgresClient,
    writes: readonly { readonly stream: StreamId; readonly expected: ExpectedVersion }[],
  ): Promise<readonly (ConcurrencyConflictError | undefined)[]> {
    const versions = await streamVersions(
      client,
      streamVersionsSql,
      writes.map(({ stream }) => stream),
    );
    return writes.map(({ stream, expected }) => {
      const actual = versions.get(stream) ?? 0n;
      return isExpected(expected, actual)
        ? undefined
        : new ConcurrencyConflictError(stream, expected, actual);
    });
  }

  /** One stream, no lock held beyond the statement but by the transaction around it. */
  async #single(
    client: PostgresClient,
    append: PreparedAppend,
    mode: AppendForm['mode'],
  ): Promise<Appended> {
    const [write] = append.writes;
    if (write === undefined) throw new TypeError('an append has a write');
    for (;;) {
      const repeated = (await this.findRepeated(client, [append])).get(append);
      if (repeated instanceof Error) throw repeated;
      if (repeated !== undefined) return repeated;
      const [written] = (await runAppendStatement(client, append.writes, mode)).rows;
      if (written !== undefined) return [writtenResult(write, written)];
      const [refusal] = await this.refusals(client, [write]);
      // A repetition may have been committed since its ids were looked up.
      const late = (await this.findRepeated(client, [append])).get(append);
      if (late !== undefined && !(late instanceof Error)) return late;
      if (refusal !== undefined) throw refusal;
    }
  }

  /** Several streams, or ids to look up: everything is locked and compared before anything is written. */
  async #locked(transaction: PostgresTransaction, append: PreparedAppend): Promise<Appended> {
    const all = [...append.writes, ...append.checks].sort((a, b) =>
      compareStreams(a.stream, b.stream),
    );
    const creatable = all
      .filter(({ expected }) => isExpected(expected, 0n))
      .map(({ stream }) => stream);
    if (creatable.length > 0) {
      await transaction.query({
        name: 'potter_reserve_streams',
        text: reserveStreamsSql,
        values: [creatable],
      });
    }
    const versions = await streamVersions(
      transaction,
      lockStreamsSql,
      all.map(({ stream }) => stream),
    );
    const repeated = (await this.findRepeated(transaction, [append])).get(append);
    if (repeated instanceof Error) throw repeated;
    if (repeated !== undefined) return repeated;
    for (const { stream, expected } of [...append.writes, ...append.checks]) {
      const actual = versions.get(stream) ?? 0n;
      if (!isExpected(expected, actual))
        throw new ConcurrencyConflictError(stream, expected, actual);
    }
    const rows = append.writes.map((write) => ({ ...write, expected: 'any' as const }));
    const { rows: written } = await runAppendStatement(transaction, rows, modeIn(transaction));
    return append.writes.map((write, index) => writtenResult(write, written[index]));
  }
}

/** The result of a write that was accepted, whose events start at `offset` of what was written. */
export function writtenResult(
  write: PreparedWrite,
  written: WrittenRow,
  offset = 0,
): StreamAppendResult {
  const events = write.events.map((event, index) => {
    const recorded = written?.[offset + index];
    if (recorded === undefined) throw new TypeError('an append that was refused has no result');
    return recordedForm(write, event, recorded);
  });
  return streamResult(write.stream, events, false);
}

function modeIn(transaction: PostgresTransaction): AppendForm['mode'] {
  return isToBePrepared(transaction) ? 'prepared' : 'joined';
}

/** Whether a writer chose ids, so that the append may be a repetition. */
export function hasChosenIds({ writes }: PreparedAppend): boolean {
  return writes.some(({ events }) => events.some(({ idGiven }) => idGiven));
}

function chosenIds({ writes }: PreparedAppend): readonly string[] {
  return writes.flatMap(({ events }) => events.flatMap(({ id, idGiven }) => (idGiven ? [id] : [])));
}

function repeatedResult(
  append: PreparedAppend,
  known: ReadonlyMap<string, RecordedEvent>,
): Appended {
  return append.writes.map(({ stream, events }) =>
    streamResult(
      stream,
      events.flatMap(({ id }) => known.get(id) ?? []),
      true,
    ),
  );
}

function streamResult(
  stream: StreamId,
  events: readonly RecordedEvent[],
  alreadyAppended: boolean,
): StreamAppendResult {
  const last = events.at(-1);
  return {
    stream,
    version: last?.version ?? 0n,
    lastPosition: last?.position ?? 0n,
    events,
    alreadyAppended,
  };
}

async function streamVersions(
  client: PostgresClient,
  text: string,
  streams: readonly string[],
): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await client.query<{ stream_id: string; version: string }>({
    text,
    values: [streams],
  });
  return new Map(rows.map((row) => [row.stream_id, BigInt(row.version)]));
}
