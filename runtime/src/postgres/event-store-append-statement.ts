import type { ExpectedVersion } from '../event-store/expected-version.ts';
import type { PreparedEvent } from '../event-store/prepare-append.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { StreamId } from '../events/stream-id.ts';
import type { PostgresClient } from './client.ts';
import { type AppendMode, appendSql, EXPECT_ANY, EXPECT_EXISTS } from './event-store-append-sql.ts';

/** One stream in the statement, with at least one event. */
export interface AppendRow {
  readonly stream: StreamId;
  readonly expected: ExpectedVersion;
  readonly events: readonly PreparedEvent[];
}

/** What the store gave each event of a row, in order; undefined when the stream was not as expected. */
export type WrittenRow =
  | readonly Pick<RecordedEvent, 'version' | 'position' | 'recordedAt'>[]
  | undefined;

interface WrittenEvent {
  readonly stream_id: string;
  readonly version: string;
  readonly position: string;
  readonly recorded_ms: string;
}

const SQL: Readonly<Record<AppendMode, string>> = {
  group: appendSql('group'),
  alone: appendSql('alone'),
  joined: appendSql('joined'),
};

/** Runs the append statement; a stream may be in it once. The result has the order of `rows`. */
export async function runAppendStatement(
  client: PostgresClient,
  rows: readonly AppendRow[],
  mode: AppendMode,
): Promise<readonly WrittenRow[]> {
  const { rows: events } = await client.query<WrittenEvent>({
    name: `potter_append_${mode}`,
    text: SQL[mode],
    // Every process locks in this order, so that no two can wait for each other.
    values: parametersOf(
      rows.length === 1 ? rows : [...rows].sort((a, b) => compareStreams(a.stream, b.stream)),
    ),
  });
  const written = new Map<string, Pick<RecordedEvent, 'version' | 'position' | 'recordedAt'>[]>();
  for (const { stream_id: stream, version, position, recorded_ms: ms } of events) {
    const event = {
      version: BigInt(version),
      position: BigInt(position),
      recordedAt: new Date(Number(ms)),
    };
    const known = written.get(stream);
    if (known === undefined) written.set(stream, [event]);
    else known.push(event);
  }
  return rows.map(({ stream }) => written.get(stream));
}

/** The order in which streams are locked. */
export function compareStreams(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** The text form of a PostgreSQL array of text. */
export function arrayText(values: readonly string[]): string {
  if (values.length === 0) return '{}';
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
}

function parametersOf(rows: readonly AppendRow[]): unknown[] {
  const streams: string[] = [];
  const places: number[] = [];
  const ids: string[] = [];
  const types: string[] = [];
  const schemaVersions: number[] = [];
  const data: string[] = [];
  const metadata: string[] = [];
  const tags: string[] = [];
  for (const row of rows) {
    row.events.forEach((event, index) => {
      streams.push(row.stream);
      places.push(index + 1);
      ids.push(event.id);
      types.push(event.type);
      schemaVersions.push(event.schemaVersion);
      data.push(event.data);
      metadata.push(event.metadata);
      tags.push(arrayText(event.tags));
    });
  }
  return [
    rows.map(({ stream }) => stream),
    rows.map(({ expected }) => expectationCode(expected)),
    rows.map(({ events }) => events.length),
    streams,
    places,
    ids,
    types,
    schemaVersions,
    data,
    metadata,
    tags,
  ];
}

function expectationCode(expected: ExpectedVersion): string {
  switch (expected) {
    case 'any':
      return EXPECT_ANY.toString();
    case 'exists':
      return EXPECT_EXISTS.toString();
    case 'none':
      return '0';
    default:
      return expected.toString();
  }
}
