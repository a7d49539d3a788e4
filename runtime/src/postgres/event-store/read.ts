import type { Event } from '../../events/event.ts';
import type { RecordedEvent } from '../../events/recorded-event.ts';
import type { StreamId } from '../../events/stream-id.ts';
import type { UpcasterChain } from '../../events/upcaster-chain.ts';
import type {
  EventFilter,
  EventPage,
  ReadOptions,
  ReadStreamOptions,
  ReadWalk,
} from '../../event-store/read.ts';
import type { JsonCodec } from '../../foundation/json.ts';
import { throwIfAborted } from '../../foundation/sleep.ts';
import type { PostgresClient } from '../connection/client.ts';
import { Conditions } from '../connection/conditions.ts';
import { translatePostgresError } from '../connection/errors.ts';
import { streamVersionsSql } from './append-sql.ts';
import { EVENT_COLUMNS, eventOfRow, type EventRow } from './row.ts';

const DEFAULT_PAGE_SIZE = 1_000;
/** The largest bigint of PostgreSQL. */
const LAST_VERSION = 2n ** 63n - 1n;

/** Reads rows and brings them to their current form. */
export class PostgresEventReader {
  readonly #codec: JsonCodec;
  readonly #upcasters: UpcasterChain;

  constructor(codec: JsonCodec, upcasters: UpcasterChain) {
    this.#codec = codec;
    this.#upcasters = upcasters;
  }

  /**
   * Pages of one stream. Versions have no holes, so each page is a range of them: whatever the planner believes of the
   * stream, it reads no more than the page. With `order by … limit` alone it may sort the rest of a long stream every time.
   */
  async *stream<E extends Event>(
    client: PostgresClient,
    stream: StreamId,
    options: Omit<ReadStreamOptions, 'transaction'>,
  ): AsyncGenerator<EventPage<E>> {
    const { direction = 'forwards', limit = Infinity, pageSize = DEFAULT_PAGE_SIZE } = options;
    const forwards = direction === 'forwards';
    const range = await this.#range(client, stream, options);
    let remaining = limit;
    for (let { first, last } = range; remaining > 0 && first <= last;) {
      throwIfAborted(options.signal);
      const size = BigInt(Math.min(pageSize, remaining));
      const from = forwards || last - size < first ? first : last - size + 1n;
      const to = forwards ? from + size - 1n : last;
      const where = new Conditions();
      where.add('stream_id =', stream);
      where.add('version >=', from.toString(), 'bigint');
      where.add('version <=', (to < last ? to : last).toString(), 'bigint');
      if (options.asOf !== undefined)
        where.add('recorded_at <=', options.asOf.toISOString(), 'timestamptz');
      const order = forwards ? 'events.version asc' : 'events.version desc';
      const rows = await selectEvents(client, where, order, Number(size));
      if (forwards) first = to + 1n;
      else last = from - 1n;
      remaining -= rows.length;
      const end = rows.at(-1);
      if (end !== undefined) yield pageOf(this.recall<E>(rows, undefined), end);
      // A short page is the end, unless a time left something out of it.
      if (forwards && rows.length < (options.asOf === undefined ? Number(size) : 1)) return;
    }
  }

  /** The versions wanted. Forwards the end need not be known: the first empty page is behind it. */
  async #range(
    client: PostgresClient,
    stream: StreamId,
    { from = 1n, to, direction }: Omit<ReadStreamOptions, 'transaction'>,
  ): Promise<{ readonly first: bigint; readonly last: bigint }> {
    const first = from < 1n ? 1n : from;
    if (direction !== 'backwards') return { first, last: to ?? LAST_VERSION };
    const { rows } = await client
      .query<{ version: string }>({ text: streamVersionsSql, values: [[stream]] })
      .catch((error: unknown) => {
        throw translatePostgresError(error);
      });
    const last = BigInt(rows[0]?.version ?? 0);
    return { first, last: to !== undefined && to < last ? to : last };
  }

  /** Pages of the whole store. */
  all<E extends Event>(client: PostgresClient, options: ReadOptions): AsyncGenerator<EventPage<E>> {
    const where = new Conditions();
    this.addFilter(where, options);
    if (options.after !== undefined) where.add('position >', options.after.toString(), 'bigint');
    if (options.upTo !== undefined) where.add('position <=', options.upTo.toString(), 'bigint');
    if (options.from !== undefined)
      where.add('recorded_at >=', options.from.toISOString(), 'timestamptz');
    if (options.to !== undefined)
      where.add('recorded_at <=', options.to.toISOString(), 'timestamptz');
    return this.#pages(client, where, options, options.types);
  }

  /**
   * Adds what a filter asks of stored rows. Types are asked for by every name they ever had. The words are those of the
   * indexes in the component `event-store-filters`.
   */
  addFilter(where: Conditions, { category, types, tags }: EventFilter): void {
    if (category !== undefined) where.add("split_part(stream_id, ':', 1) =", category);
    if (types !== undefined) {
      const [first, ...others] = this.#upcasters.storedTypes(types);
      // One type comes out of its index in the order of positions; several would have to be sorted.
      if (first !== undefined && others.length === 0) where.add('type =', first, 'text');
      else where.add('type = any', first === undefined ? [] : [first, ...others], 'text[]');
    }
    if (tags !== undefined && tags.length > 0)
      where.add("tags <> '{}' and tags @>", tags, 'text[]');
  }

  /** The current form of rows; of a read by type, what really is of that type. */
  recall<E extends Event>(
    rows: readonly EventRow[],
    types: readonly string[] | undefined,
  ): readonly RecordedEvent<E>[] {
    const events = rows.flatMap((row) => this.#upcasters.apply(eventOfRow(row, this.#codec)));
    const kept = types === undefined ? events : events.filter(({ type }) => types.includes(type));
    // The reader names the union it expects of the stream; the store cannot check payloads.
    return kept as readonly RecordedEvent[] as readonly RecordedEvent<E>[];
  }

  async *#pages<E extends Event>(
    client: PostgresClient,
    where: Conditions,
    walk: ReadWalk,
    types: readonly string[] | undefined,
  ): AsyncGenerator<EventPage<E>> {
    const { direction = 'forwards', limit = Infinity, pageSize = DEFAULT_PAGE_SIZE } = walk;
    const [beyond, order] =
      direction === 'forwards'
        ? (['position >', 'events.position asc'] as const)
        : (['position <', 'events.position desc'] as const);
    let remaining = limit;
    let last: string | undefined;
    while (remaining > 0) {
      throwIfAborted(walk.signal);
      const size = Math.min(pageSize, remaining);
      const conditions = where.copy();
      if (last !== undefined) conditions.add(beyond, last, 'bigint');
      const rows = await selectEvents(client, conditions, order, size);
      const end = rows.at(-1);
      if (end === undefined) return;
      remaining -= rows.length;
      last = end.position;
      yield pageOf(this.recall<E>(rows, types), end);
      if (rows.length < size) return;
    }
  }
}

function pageOf<E extends Event>(events: readonly RecordedEvent<E>[], end: EventRow): EventPage<E> {
  return { events, lastVersion: BigInt(end.version), lastPosition: BigInt(end.position) };
}

/**
 * One page of rows.
 * @param order a column of `events`; unqualified it would mean the text in the select list.
 */
export async function selectEvents(
  client: PostgresClient,
  where: Conditions,
  order: `events.${'position' | 'version'} ${'asc' | 'desc'}`,
  limit: number,
): Promise<readonly EventRow[]> {
  const text = `select ${EVENT_COLUMNS} from potter.events ${where.sql()} order by ${order} limit $${where.values.length + 1}`;
  try {
    const { rows } = await client.query<EventRow>({ text, values: [...where.values, limit] });
    return rows;
  } catch (error) {
    throw translatePostgresError(error);
  }
}
