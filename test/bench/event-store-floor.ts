import { newId } from '../../runtime/src/foundation/ids.ts';
import type {
  PostgresClient,
  PostgresPool,
  PostgresStatement,
} from '../../runtime/src/postgres/connection/client.ts';
import { GroupCommit } from '../../runtime/src/postgres/connection/group-commit.ts';

/** The table of whoever writes an event store by hand. */
export const RAW_TABLE = `
  CREATE TABLE raw_events (position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stream text NOT NULL, version bigint NOT NULL,
    type text NOT NULL, data jsonb NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now(), UNIQUE (stream, version))`;

/** Its columns are those that a recorded event needs: an id that nobody can use twice, and where the event came from. */
export const SAME_TABLE = `CREATE TABLE same_events (LIKE potter.events INCLUDING ALL)`;

const INSERT = `INSERT INTO raw_events (stream, version, type, data)
  SELECT $1, $2::bigint + n, 'MoneyDeposited', d::jsonb FROM unnest($3::text[]) WITH ORDINALITY AS t (d, n)`;

/** The least that can be: one INSERT per append, no version check. */
export async function rawInsert(
  client: Pick<PostgresPool, 'query'>,
  stream: string,
  payloads: readonly unknown[],
  version = '0',
): Promise<void> {
  const data = payloads.map((payload) => JSON.stringify(payload));
  await client.query({ name: 'raw_insert', text: INSERT, values: [stream, version, data] });
}

/** What one writes by hand: BEGIN, read the version, INSERT, COMMIT. */
export function rawTransaction(
  pool: PostgresPool,
  stream: string,
  payloads: readonly unknown[],
): Promise<void> {
  const version = 'SELECT coalesce(max(version), 0) AS v FROM raw_events WHERE stream = $1';
  return byHand(pool, { name: 'raw_version', text: version, values: [stream] }, (client, v) =>
    rawInsert(client, stream, payloads, v),
  );
}

/** The same by hand, for the same event: into a table with the columns, checks and indexes of the event store's. */
export function sameTransaction(
  pool: PostgresPool,
  stream: string,
  payloads: readonly unknown[],
): Promise<void> {
  const version = 'SELECT coalesce(max(version), 0) AS v FROM same_events WHERE stream_id = $1';
  const text = `INSERT INTO same_events (stream_id, version, event_id, type, data, metadata)
    SELECT $1, $2::bigint + n, id, 'MoneyDeposited', d, '{}' FROM unnest($3::uuid[], $4::json[]) WITH ORDINALITY AS t (id, d, n)`;
  return byHand(pool, { name: 'same_version', text: version, values: [stream] }, (client, v) => {
    const ids = payloads.map(() => newId());
    const data = payloads.map((payload) => JSON.stringify(payload));
    return client.query({ name: 'same_insert', text, values: [stream, v, ids, data] });
  });
}

async function byHand(
  pool: PostgresPool,
  readVersion: PostgresStatement,
  insert: (client: PostgresClient, version: string) => Promise<unknown>,
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query({ text: 'BEGIN' });
    const { rows } = await client.query<{ v: string }>(readVersion);
    await insert(client, rows[0]?.v ?? '0');
    await client.query({ text: 'COMMIT' });
  } finally {
    client.release();
  }
}

interface Waiting {
  readonly key: string;
  readonly size: number;
  readonly shareable: boolean;
  readonly payloads: readonly unknown[];
  readonly settle: (isWritten: boolean) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * What grouping alone can reach: new streams of many appends in one INSERT into a table with half of the indexes, told
 * apart afterwards by which were written. No other expectation than `none`, no ids, no metadata, no tags, no events as
 * answer.
 */
export class GroupedFloor {
  readonly #pool: PostgresPool;
  readonly #groups = new GroupCommit<Waiting>((group) => this.#flush(group));

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  append(stream: string, payloads: readonly unknown[]): Promise<boolean> {
    return new Promise((settle, fail) => {
      const size = payloads.length;
      this.#groups.add({ key: stream, size, shareable: false, payloads, settle, fail });
    });
  }

  async #flush(group: readonly Waiting[]): Promise<readonly []> {
    const events = group.flatMap(({ key, payloads }) =>
      payloads.map((payload, n) => ({ key, version: n + 1, data: JSON.stringify(payload) })),
    );
    try {
      const { rows } = await this.#pool.query<{ stream: string }>({
        name: 'floor_append',
        text: `INSERT INTO raw_events (stream, version, type, data)
          SELECT s, v, 'MoneyDeposited', d::jsonb FROM unnest($1::text[], $2::bigint[], $3::text[]) AS t (s, v, d) ORDER BY s, v
          ON CONFLICT (stream, version) DO NOTHING RETURNING stream`,
        values: [
          events.map(({ key }) => key),
          events.map(({ version }) => version),
          events.map(({ data }) => data),
        ],
      });
      const written = new Set(rows.map(({ stream }) => stream));
      for (const { key, settle } of group) settle(written.has(key));
    } catch (error) {
      for (const { fail } of group) fail(error);
    }
    return [];
  }
}
