import type { Event } from '../../events/event.ts';
import type { StreamId } from '../../events/stream-id.ts';
import type { EventStore } from '../../event-store/event-store.ts';
import type { EventPage } from '../../event-store/read.ts';
import { throwIfAborted } from '../../foundation/sleep.ts';
import { snapshotsKept } from '../../snapshots/retention.ts';
import type { Snapshot } from '../../snapshots/snapshot.ts';
import {
  latestWithTail,
  type SnapshotStore,
  type SnapshotWanted,
  type SnapshotWithTail,
  type TailOptions,
} from '../../snapshots/snapshot-store.ts';
import type { PostgresClient, PostgresPool, PostgresTransaction } from '../connection/client.ts';
import { translatePostgresError } from '../connection/errors.ts';
import { EVENT_COLUMNS, type EventRow } from './row.ts';
import { PostgresEventStore } from './event-store.ts';

/** Options of {@link PostgresSnapshotStore}. */
export interface PostgresSnapshotStoreOptions {
  /** A `pg.Pool`; the event store's own, so that a load is one round trip. Stays the caller's. */
  readonly pool: PostgresPool;
  /** How many snapshots of a stream are kept. Default 3. */
  readonly keep?: number;
}

/** Events that come with the snapshot; a longer tail is read on by pages of the event store. */
const FIRST_PAGE_SIZE = 1_000;

const SNAPSHOT_COLUMNS = `version::text as snapshot_version, schema_version::text as snapshot_schema, shape, state::text,
  state_hash, (extract(epoch from taken_at) * 1000)::bigint::text as taken_ms`;

interface SnapshotRow {
  readonly snapshot_version: string;
  readonly snapshot_schema: string;
  readonly shape: string;
  readonly state: string;
  readonly state_hash: string;
  readonly taken_ms: string;
}

const FITS = `stream_id = $1 and schema_version = $2 and shape = $3 and version <= coalesce($4, 9223372036854775807)`;

const LATEST = `select ${SNAPSHOT_COLUMNS} from potter.snapshots
  where ${FITS} order by snapshots.version desc limit 1`;

/** The snapshot stands beside the first event only, or alone; it would be heavy beside each. */
const LATEST_WITH_TAIL = `
  with found as (
    select version as after, 1::bigint as beside, ${SNAPSHOT_COLUMNS} from potter.snapshots
    where ${FITS} order by snapshots.version desc limit 1
  ), tail as (
    select row_number() over (order by events.version) as place, ${EVENT_COLUMNS}
    from potter.events
    where stream_id = $1
      and version > coalesce((select after from found), 0)
      and version <= coalesce($4, 9223372036854775807)
    order by events.version
    limit ${FIRST_PAGE_SIZE}
  )
  select found.*, tail.*
  from tail full join found on tail.place = found.beside
  order by tail.place`;

/** Old snapshots go with the statement that adds one: nothing else has to tidy up. */
const SAVE = `
  with saved as (
    insert into potter.snapshots (stream_id, version, schema_version, shape, state, state_hash, taken_at)
    select $1, $2, $3, $4, $5, $6, $7
    where not exists (
      select from potter.snapshots where stream_id = $1 and version > $2 and schema_version = $3 and shape = $4
    )
    on conflict (stream_id, version) do update
      set (schema_version, shape, state, state_hash, taken_at)
        = (excluded.schema_version, excluded.shape, excluded.state, excluded.state_hash, excluded.taken_at)
    returning version
  ), outlived as (
    delete from potter.snapshots
    where stream_id = $1 and exists (select from saved) and version in (
      select version from potter.snapshots
      where stream_id = $1 and version <> $2
      order by version desc
      offset $8
    )
  )
  select version::text from saved`;

/** Snapshots beside the events, in the migration component `event-store`: snapshot and tail are one round trip. */
export class PostgresSnapshotStore implements SnapshotStore<PostgresTransaction> {
  readonly #pool: PostgresPool;
  readonly #keep: number;

  constructor(options: PostgresSnapshotStoreOptions) {
    this.#pool = options.pool;
    this.#keep = snapshotsKept(options.keep);
  }

  async readWithTail<E extends Event>(
    stream: StreamId,
    wanted: SnapshotWanted,
    events: EventStore<PostgresTransaction>,
    options: TailOptions<PostgresTransaction> = {},
  ): Promise<SnapshotWithTail<E>> {
    const isBeside = events instanceof PostgresEventStore && events.internals.pool === this.#pool;
    if (!isBeside) return latestWithTail(this, stream, wanted, events, options);
    throwIfAborted(options.signal);
    const rows = await this.#query<
      Partial<SnapshotRow> & { readonly place: string | null } & EventRow
    >(LATEST_WITH_TAIL, parametersOf(stream, wanted), options.transaction);
    const [first] = rows;
    const eventRows = first?.place == null ? [] : rows;
    const { reader } = events.internals;
    async function* tail(): AsyncGenerator<EventPage<E>> {
      const last = eventRows.at(-1);
      if (last === undefined) return;
      const lastVersion = BigInt(last.version);
      yield {
        events: reader.recall<E>(eventRows, undefined),
        lastVersion,
        lastPosition: BigInt(last.position),
      };
      if (eventRows.length < FIRST_PAGE_SIZE) return;
      yield* events
        .readStream<E>(stream, { ...options, from: lastVersion + 1n, to: wanted.upTo })
        .pages();
    }
    return {
      snapshot: first && hasSnapshot(first) ? snapshotOf(stream, first) : undefined,
      tail: tail(),
    };
  }

  async latest(
    stream: StreamId,
    wanted: SnapshotWanted,
    options: TailOptions<PostgresTransaction> = {},
  ): Promise<Snapshot | undefined> {
    throwIfAborted(options.signal);
    const parameters = parametersOf(stream, wanted);
    const [row] = await this.#query<SnapshotRow>(LATEST, parameters, options.transaction);
    return row && snapshotOf(stream, row);
  }

  async save(snapshot: Snapshot): Promise<boolean> {
    const { stream, version, schemaVersion, shape, state, stateHash, takenAt } = snapshot;
    const values = [
      stream,
      version.toString(),
      schemaVersion,
      shape,
      state,
      stateHash,
      takenAt.toISOString(),
      this.#keep - 1,
    ];
    return (await this.#query(SAVE, values)).length > 0;
  }

  async list(stream: StreamId): Promise<readonly Snapshot[]> {
    const text = `select ${SNAPSHOT_COLUMNS} from potter.snapshots where stream_id = $1 order by snapshots.version desc`;
    return (await this.#query<SnapshotRow>(text, [stream])).map((row) => snapshotOf(stream, row));
  }

  async discard(stream: StreamId): Promise<void> {
    await this.#query('delete from potter.snapshots where stream_id = $1', [stream]);
  }

  async #query<Row extends object>(
    text: string,
    values: unknown[],
    client: PostgresClient = this.#pool,
  ): Promise<readonly Row[]> {
    try {
      return (await client.query<Row>({ text, values })).rows;
    } catch (error) {
      throw translatePostgresError(error);
    }
  }
}

function parametersOf(stream: StreamId, { schemaVersion, shape, upTo }: SnapshotWanted): unknown[] {
  return [stream, schemaVersion, shape, upTo?.toString() ?? null];
}

/** An outer join gives null for what is not there. */
function hasSnapshot(row: Partial<SnapshotRow>): row is SnapshotRow {
  return typeof row.snapshot_version === 'string';
}

function snapshotOf(stream: StreamId, row: SnapshotRow): Snapshot {
  return {
    stream,
    version: BigInt(row.snapshot_version),
    schemaVersion: Number(row.snapshot_schema),
    shape: row.shape,
    state: row.state,
    stateHash: row.state_hash,
    takenAt: new Date(Number(row.taken_ms)),
  };
}
