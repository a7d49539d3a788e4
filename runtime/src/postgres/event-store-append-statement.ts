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
    values: parametersOf(rows),
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
  return `{"${values.map(escaped).join('","')}"}`;
}

function escaped(value: string): string {
  return SPECIAL.test(value) ? value.replaceAll(SPECIALS, '\\$&') : value;
}

const SPECIAL = /["\\]/;
const SPECIALS = /["\\]/g;

/** Arrays as text: the driver's own way through each element takes several times as long. */
function parametersOf(rows: readonly AppendRow[]): string[] {
  // Every process locks streams in this order, so that no two can wait for each other. Events keep the order they have.
  const sorted =
    rows.length === 1 ? rows : [...rows].sort((a, b) => compareStreams(a.stream, b.stream));
  const events = rows.flatMap(({ stream, events: ofStream }) =>
    ofStream.map((event, index) => ({ stream, place: index + 1, event })),
  );
  const texts = (value: (event: PreparedEvent) => string): string =>
    arrayText(events.map(({ event }) => value(event)));
  return [
    arrayText(sorted.map(({ stream }) => stream)),
    plainArray(sorted.map(({ expected }) => expectationCode(expected))),
    plainArray(sorted.map(({ events: ofStream }) => ofStream.length)),
    arrayText(events.map(({ stream }) => stream)),
    plainArray(events.map(({ place }) => place)),
    plainArray(events.map(({ event }) => event.id)),
    texts(({ type }) => type),
    plainArray(events.map(({ event }) => event.schemaVersion)),
    texts(({ data }) => data),
    texts(({ metadata }) => metadata),
    texts(({ tags }) => arrayText(tags)),
  ];
}

/** An array of what needs no quotes: numbers and UUIDs. */
function plainArray(values: readonly (number | string)[]): string {
  return `{${values.join(',')}}`;
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
