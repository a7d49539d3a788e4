import type { PreparedEvent } from '../event-store/prepare-append.ts';
import type { ExpectedVersion } from '../event-store/expected-version.ts';
import type { StreamId } from '../events/stream-id.ts';
import type { PostgresClient, PostgresStatement } from './client.ts';
import { type AppendMode, appendSql, EXPECT_ANY, EXPECT_EXISTS } from './event-store-append-sql.ts';

/** One stream in the statement. Without events it is only a check. */
export interface AppendRow {
  readonly stream: StreamId;
  readonly expected: ExpectedVersion;
  readonly events: readonly PreparedEvent[];
}

/** What the statement says of a row. */
export type AppendVerdict =
  | {
      readonly kind: 'ok';
      readonly positions: readonly bigint[];
      readonly firstVersion: bigint;
      readonly recordedAt: Date;
    }
  | { readonly kind: 'conflict'; readonly actual: bigint }
  /** Some of the ids that the writer chose are in the store. */
  | { readonly kind: 'repeated' }
  /** Somebody else has the stream locked; only in mode `group`. */
  | { readonly kind: 'busy' }
  /** Somebody else created the stream while the statement ran. */
  | { readonly kind: 'raced' };

interface VerdictRow {
  readonly no: number;
  readonly outcome: AppendVerdict['kind'];
  readonly version: string;
  readonly positions: string | null;
  readonly recorded_ms: string | null;
}

const SQL: Readonly<Record<AppendMode, string>> = {
  group: appendSql('group'),
  alone: appendSql('alone'),
};

/**
 * Runs the append statement.
 * @param options.planAge grows with the table. PostgreSQL keeps the plan of a prepared statement, and the best plan for
 * a table of one page is the worst for one of thousands; another age is another statement with a plan of its own.
 * @returns the verdict of each row, in the order of `rows`.
 */
export async function runAppendStatement(
  client: PostgresClient,
  rows: readonly AppendRow[],
  options: { readonly mode: AppendMode; readonly notify: boolean; readonly planAge: number },
): Promise<readonly AppendVerdict[]> {
  // Every process locks in this order, so that no two can wait for each other.
  const sorted = [...rows].sort((a, b) => (a.stream < b.stream ? -1 : 1));
  const { rows: verdicts } = await client.query<VerdictRow>({
    name: `potter_append_${options.mode}_${options.planAge}`,
    text: SQL[options.mode],
    values: [...parametersOf(sorted), options.notify],
  } satisfies PostgresStatement);
  const byStream = new Map<string, AppendVerdict>();
  for (const verdict of verdicts) {
    const row = sorted[verdict.no - 1];
    if (row !== undefined) byStream.set(row.stream, verdictOf(verdict));
  }
  return rows.map(({ stream }) => byStream.get(stream) ?? { kind: 'raced' });
}

function parametersOf(rows: readonly AppendRow[]): unknown[] {
  const no: number[] = [];
  const place: number[] = [];
  const ids: string[] = [];
  const types: string[] = [];
  const schemas: number[] = [];
  const data: string[] = [];
  const metadata: string[] = [];
  const tags: string[] = [];
  const chosenNo: number[] = [];
  const chosenIds: string[] = [];
  rows.forEach((row, index) => {
    row.events.forEach((event, offset) => {
      no.push(index + 1);
      place.push(offset + 1);
      ids.push(event.id);
      types.push(event.type);
      schemas.push(event.schemaVersion);
      data.push(event.data);
      metadata.push(event.metadata);
      tags.push(arrayText(event.tags));
      if (!event.idGiven) return;
      chosenNo.push(index + 1);
      chosenIds.push(event.id);
    });
  });
  return [
    rows.map(({ stream }) => stream),
    rows.map(({ expected }) => expectationCode(expected).toString()),
    rows.map(({ events }) => events.length),
    no,
    place,
    ids,
    types,
    schemas,
    data,
    metadata,
    tags,
    chosenNo,
    chosenIds,
  ];
}

function expectationCode(expected: ExpectedVersion): bigint {
  switch (expected) {
    case 'any':
      return EXPECT_ANY;
    case 'exists':
      return EXPECT_EXISTS;
    case 'none':
      return 0n;
    default:
      return expected;
  }
}

function verdictOf(row: VerdictRow): AppendVerdict {
  switch (row.outcome) {
    case 'ok': {
      const positions =
        row.positions === null ? [] : row.positions.slice(1, -1).split(',').map(BigInt);
      return {
        kind: 'ok',
        positions,
        firstVersion: BigInt(row.version) + 1n,
        recordedAt: new Date(Number(row.recorded_ms ?? 0)),
      };
    }
    case 'conflict':
      return { kind: 'conflict', actual: BigInt(row.version) };
    case 'repeated':
    case 'busy':
    case 'raced':
      return { kind: row.outcome };
  }
}

/** The text form of a PostgreSQL array of text. */
export function arrayText(values: readonly string[]): string {
  if (values.length === 0) return '{}';
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
