import type { Event } from '../events/event.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { StreamId } from '../events/stream-id.ts';
import type { UpcasterChain } from '../events/upcaster-chain.ts';
import type {
  EventFilter,
  EventPage,
  ReadOptions,
  ReadStreamOptions,
  ReadWalk,
} from '../event-store/read.ts';
import type { JsonCodec } from '../foundation/json.ts';
import { throwIfAborted } from '../foundation/sleep.ts';
import type { PostgresClient } from './client.ts';
import { translatePostgresError } from './errors.ts';
import { EVENT_COLUMNS, eventOfRow, type EventRow } from './event-store-row.ts';

const DEFAULT_PAGE_SIZE = 1_000;

/** Reads rows and brings them to their current form. */
export class PostgresEventReader {
  readonly #codec: JsonCodec;
  readonly #upcasters: UpcasterChain;

  constructor(codec: JsonCodec, upcasters: UpcasterChain) {
    this.#codec = codec;
    this.#upcasters = upcasters;
  }

  /** Pages of one stream. */
  stream<E extends Event>(
    client: PostgresClient,
    stream: StreamId,
    options: Omit<ReadStreamOptions, 'transaction'>,
  ): AsyncGenerator<EventPage<E>> {
    const where = new Conditions();
    where.add('stream_id =', stream);
    if (options.from !== undefined) where.add('version >=', options.from.toString(), 'bigint');
    if (options.to !== undefined) where.add('version <=', options.to.toString(), 'bigint');
    if (options.asOf !== undefined)
      where.add('recorded_at <=', options.asOf.toISOString(), 'timestamptz');
    return this.#pages(client, where, 'version', options, undefined);
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
    return this.#pages(client, where, 'position', options, options.types);
  }

  /** Adds what a filter asks of stored rows. Types are asked for by every name they ever had. */
  addFilter(where: Conditions, { category, types, tags }: EventFilter): void {
    if (category !== undefined) where.add("split_part(stream_id, ':', 1) =", category);
    if (types !== undefined) where.add('type = any', this.#upcasters.storedTypes(types), 'text[]');
    if (tags !== undefined && tags.length > 0) where.add('tags @>', tags, 'text[]');
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
    key: 'position' | 'version',
    walk: ReadWalk,
    types: readonly string[] | undefined,
  ): AsyncGenerator<EventPage<E>> {
    const {
      direction = 'forwards',
      limit = Number.POSITIVE_INFINITY,
      pageSize = DEFAULT_PAGE_SIZE,
      signal,
    } = walk;
    const [beyond, order] =
      direction === 'forwards' ? (['>', 'asc'] as const) : (['<', 'desc'] as const);
    let remaining = limit;
    let last: bigint | undefined;
    while (remaining > 0) {
      throwIfAborted(signal);
      const size = Math.min(pageSize, remaining);
      const conditions = where.copy();
      if (last !== undefined) conditions.add(`${key} ${beyond}`, last.toString(), 'bigint');
      const rows = await selectEvents(client, conditions, `events.${key} ${order}`, size);
      const end = rows.at(-1);
      if (end === undefined) return;
      remaining -= rows.length;
      last = BigInt(end[key]);
      const events = this.recall<E>(rows, types);
      yield { events, lastVersion: BigInt(end.version), lastPosition: BigInt(end.position) };
      if (rows.length < size) return;
    }
  }
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

/** Conditions of one statement, joined by `and`, with their parameters. */
export class Conditions {
  readonly values: unknown[];
  readonly #terms: string[];

  constructor(terms: readonly string[] = [], values: readonly unknown[] = []) {
    this.#terms = [...terms];
    this.values = [...values];
  }

  /** Adds `<left> $n::<type>`. */
  add(left: string, value: unknown, type = 'text'): void {
    this.values.push(value);
    const parameter = `$${this.values.length}::${type}`;
    this.#terms.push(left.endsWith('any') ? `${left}(${parameter})` : `${left} ${parameter}`);
  }

  copy(): Conditions {
    return new Conditions(this.#terms, this.values);
  }

  sql(): string {
    return this.#terms.length === 0 ? '' : `where ${this.#terms.join(' and ')}`;
  }
}
