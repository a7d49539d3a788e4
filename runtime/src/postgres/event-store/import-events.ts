import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PotterError } from '../../errors/potter-error.ts';
import type { EventMetadata } from '../../events/event.ts';
import { parseStreamId, type StreamId } from '../../events/stream-id.ts';
import { isUuid } from '../../foundation/ids.ts';
import { jsonCodec, type JsonCodec } from '../../foundation/json.ts';
import type { PostgresPool, PostgresTransaction } from '../connection/client.ts';
import { arrayText } from './append-statement.ts';
import { EVENTS_CHANNEL } from './append-sql.ts';
import { inTransaction } from '../connection/transaction.ts';

/** An event from elsewhere. Ids, times and metadata stay; versions and positions are given in the order of the import. */
export interface ImportedEvent {
  readonly streamId: StreamId;
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly recordedAt: Date;
  readonly metadata?: EventMetadata;
  readonly tags?: readonly string[];
  readonly schemaVersion?: number;
}

/** Options of {@link importEvents}. */
export interface ImportOptions {
  /** Go on when there are events already; the imported ones come after them. Default false. */
  readonly intoNonEmpty?: boolean;
  readonly codec?: JsonCodec;
}

/** What an import did. */
export interface ImportResult {
  readonly events: number;
  readonly streams: number;
}

const CHUNK = 1_000;
const COLUMNS =
  'stream_id, version, event_id, type, schema_version, data, metadata, tags, recorded_at';

/**
 * Loads events in bulk by COPY, in one transaction: all or nothing. Other writers wait until it is over. Needs the
 * package `pg-copy-streams`.
 * @throws PotterError `IMPORT_TARGET_NOT_EMPTY` unless told to go on, `INVALID_ARGUMENT` for a malformed event,
 * `DATABASE_ERROR` for an id that is there twice.
 */
export async function importEvents(
  pool: PostgresPool,
  events: Iterable<ImportedEvent> | AsyncIterable<ImportedEvent>,
  options: ImportOptions = {},
): Promise<ImportResult> {
  const { from } = await import('pg-copy-streams');
  return inTransaction(pool, async (transaction) => {
    await transaction.query({
      text: 'lock table potter.streams, potter.events in share row exclusive mode',
    });
    const before = await lastPosition(transaction);
    if (before > 0n && options.intoNonEmpty !== true) {
      throw new PotterError('IMPORT_TARGET_NOT_EMPTY', {
        message: `The store has events up to position ${before}.`,
        remedy: 'Import into an empty database, or pass intoNonEmpty: true.',
        details: { lastPosition: before },
      });
    }
    const versions = new StreamVersions(pool, before > 0n);
    // The driver starts a COPY when a connection is asked to "query" its stream; the port knows statements only.
    const connection = transaction as unknown as { query(copy: Writable): Writable };
    const copy = connection.query(from(`copy potter.events (${COLUMNS}) from stdin`));
    let count = 0;
    const lines = async function* (): AsyncGenerator<string> {
      for await (const chunk of chunked(events)) {
        count += chunk.length;
        await versions.load(chunk);
        yield chunk
          .map((event) => line(event, versions.next(event.streamId), options.codec ?? jsonCodec))
          .join('');
      }
    };
    await pipeline(Readable.from(lines()), copy);
    await transaction.query({
      text: `insert into potter.streams (stream_id, version)
        select stream_id, max(version) from potter.events where position > $1::bigint group by stream_id
        on conflict (stream_id) do update set version = excluded.version`,
      values: [before.toString()],
    });
    await transaction.query({ text: 'analyze potter.streams, potter.events' });
    await transaction.query({ text: `select pg_notify('${EVENTS_CHANNEL}', '')` });
    return { events: count, streams: versions.count };
  });
}

/** Counts the events of each stream, from what the store has. */
class StreamVersions {
  readonly #pool: PostgresPool;
  readonly #look: boolean;
  readonly #versions = new Map<string, bigint>();

  constructor(pool: PostgresPool, look: boolean) {
    this.#pool = pool;
    this.#look = look;
  }

  get count(): number {
    return this.#versions.size;
  }

  /** Fetches the versions of streams not met before. The connection of the import is busy; its lock keeps them. */
  async load(events: readonly ImportedEvent[]): Promise<void> {
    const unknown = [...new Set(events.map(({ streamId }) => streamId))].filter(
      (id) => !this.#versions.has(id),
    );
    for (const id of unknown) {
      parseStreamId(id);
      this.#versions.set(id, 0n);
    }
    if (!this.#look || unknown.length === 0) return;
    const { rows } = await this.#pool.query<{ stream_id: string; version: string }>({
      text: 'select stream_id, version::text from potter.streams where stream_id = any($1::text[])',
      values: [unknown],
    });
    for (const { stream_id: id, version } of rows) this.#versions.set(id, BigInt(version));
  }

  next(stream: string): bigint {
    const version = (this.#versions.get(stream) ?? 0n) + 1n;
    this.#versions.set(stream, version);
    return version;
  }
}

async function lastPosition(client: PostgresTransaction): Promise<bigint> {
  const { rows } = await client.query<{ last: string | null }>({
    text: 'select max(position)::text as last from potter.events',
  });
  return BigInt(rows[0]?.last ?? '0');
}

async function* chunked(
  events: Iterable<ImportedEvent> | AsyncIterable<ImportedEvent>,
): AsyncGenerator<readonly ImportedEvent[]> {
  let chunk: ImportedEvent[] = [];
  for await (const event of events) {
    if (chunk.push(event) < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
};

function line(event: ImportedEvent, version: bigint, codec: JsonCodec): string {
  const {
    streamId,
    id,
    type,
    data,
    metadata = {},
    tags = [],
    schemaVersion = 1,
    recordedAt,
  } = event;
  if (!isUuid(id)) {
    throw new PotterError('INVALID_ARGUMENT', {
      message: `Event id '${id}' is not a UUID.`,
      details: { event },
    });
  }
  const fields = [
    streamId,
    version.toString(),
    id,
    type,
    String(schemaVersion),
    codec.encode(data),
    codec.encode(metadata),
    arrayText(tags),
    recordedAt.toISOString(),
  ];
  return `${fields.map((field) => field.replaceAll(/[\\\t\n\r]/g, (found) => ESCAPES[found] ?? found)).join('\t')}\n`;
}
