import type { ExpectedVersion } from '../../event-store/expected-version.ts';
import type { PreparedEvent } from '../../event-store/prepare-append.ts';
import type { RecordedEvent } from '../../events/recorded-event.ts';
import type { StreamId } from '../../events/stream-id.ts';
import type { PostgresClient } from '../connection/client.ts';
import { callPrepared } from '../connection/prepared-call.ts';
import { type AppendForm, appendSql, EXPECT_ANY, EXPECT_EXISTS, SEPARATOR } from './append-sql.ts';

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

/** What came of an append statement. */
export interface Written {
  /** In the order of the rows that went in. */
  readonly rows: readonly WrittenRow[];
  /** `false` when a NOTIFY would be for nobody; known of a group only. */
  readonly isHeard: boolean;
}

/** What the statement returns of an event; none of it can be null. A group's row has more: whether anybody listens. */
type WrittenEvent = readonly [stream: string, version: string, position: string, ms: string];

const SQL: Readonly<Record<AppendForm['shape'], Readonly<Record<AppendForm['mode'], string>>>> = {
  single: textsOf('single'),
  many: textsOf('many'),
};

function textsOf(shape: AppendForm['shape']): Readonly<Record<AppendForm['mode'], string>> {
  const text = (mode: AppendForm['mode']): string => appendSql({ mode, shape });
  return {
    group: text('group'),
    alone: text('alone'),
    joined: text('joined'),
    prepared: text('prepared'),
  };
}

/** Runs the append statement; a stream may be in it once. */
export async function runAppendStatement(
  client: PostgresClient,
  rows: readonly AppendRow[],
  mode: AppendForm['mode'],
): Promise<Written> {
  const shape = rows.every(isSingle) ? 'single' : 'many';
  const events = await callPrepared(client, {
    name: `potter_append_${mode}_${shape}`,
    text: SQL[shape][mode],
    values: shape === 'single' ? singleParameters(rows) : manyParameters(rows),
  });
  const written = new Map<string, Pick<RecordedEvent, 'version' | 'position' | 'recordedAt'>[]>();
  for (const row of events) {
    const [stream, version, position, ms] = row as WrittenEvent;
    const event = {
      version: BigInt(version),
      position: BigInt(position),
      recordedAt: new Date(Number(ms)),
    };
    const known = written.get(stream);
    if (known === undefined) written.set(stream, [event]);
    else known.push(event);
  }
  return {
    rows: rows.map(({ stream }) => written.get(stream)),
    isHeard: events[0]?.[4] !== 'false',
  };
}

function isSingle({ events }: AppendRow): boolean {
  return events.length === 1 && events[0]?.tags.length === 0;
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

/** Every process locks streams in this order, so that no two can wait for each other. Events keep the order they have. */
function inLockOrder<Row extends { readonly stream: string }>(
  rows: readonly Row[],
): readonly Row[] {
  return rows.length === 1 ? rows : rows.toSorted((a, b) => compareStreams(a.stream, b.stream));
}

function singleParameters(rows: readonly AppendRow[]): string[] {
  const sorted = inLockOrder(
    rows.map(({ stream, expected }, index) => ({ stream, expected, event: index + 1 })),
  );
  return [
    arrayText(sorted.map(({ stream }) => stream)),
    plainArray(sorted.map(({ expected }) => expectationCode(expected))),
    plainArray(sorted.map(({ event }) => event)),
    ...eventParameters(rows.flatMap(({ events }) => events)),
  ];
}

function manyParameters(rows: readonly AppendRow[]): string[] {
  const sorted = inLockOrder(rows);
  const events = rows.flatMap((row) => row.events);
  return [
    arrayText(sorted.map(({ stream }) => stream)),
    plainArray(sorted.map(({ expected }) => expectationCode(expected))),
    plainArray(sorted.map((row) => row.events.length)),
    arrayText(rows.flatMap((row) => row.events.map(() => row.stream))),
    plainArray(rows.flatMap((row) => row.events.map((_, index) => index + 1))),
    ...eventParameters(events),
    arrayText(events.map(({ tags }) => arrayText(tags))),
  ];
}

function eventParameters(events: readonly PreparedEvent[]): string[] {
  return [
    plainArray(events.map(({ id }) => id)),
    arrayText(events.map(({ type }) => type)),
    plainArray(events.map(({ schemaVersion }) => schemaVersion)),
    events.map(({ data }) => data).join(SEPARATOR),
    events.map(({ metadata }) => metadata).join(SEPARATOR),
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
