import type { PostgresClient } from '../connection/client.ts';

/**
 * A table whose rows get a position from an identity column, drawn inside the INSERT. Its names go into statements as
 * they are: they are always constants of this package.
 */
export interface PositionedTable {
  /** Names prepared statements. */
  readonly label: string;
  readonly table: string;
  readonly sequence: string;
}

/** A transaction that has written to a positioned table, or still may, and is open. */
export interface OpenWriter {
  /** Names the transaction for as long as it is open. */
  readonly holder: string;
  /** The server process; undefined for a prepared transaction, which has none. */
  readonly pid: number | undefined;
  /** Age of the transaction in milliseconds; undefined for a prepared transaction. */
  readonly ageMs: number | undefined;
  /** What the connection calls itself. */
  readonly application: string;
  /** What it is doing: `active`, `idle in transaction`, … */
  readonly state: string;
}

/**
 * An INSERT locks the table before it draws a position and holds the lock to the end of its transaction, so whoever
 * owns a position that was drawn by now and may still commit is in this list. Other writers of the table are in it too;
 * transactions that have nothing to do with the table are not. A prepared transaction is a holder without a process.
 */
const holders = (table: string): string => `
  from pg_locks l
  where l.locktype = 'relation' and l.relation = '${table}'::regclass
    and l.database = (select oid from pg_database where datname = current_database())
    and l.mode = 'RowExclusiveLock' and l.granted`;

/** Prepared transactions take their locks over from a holder of another name. */
const PREPARED = '-1/';

/**
 * A proof in progress that nothing more can appear up to a position.
 *
 * First the highest drawn position is read, then the holders: when all of those are gone, whatever they wrote up to that
 * position is visible to the next snapshot, and what is not visible then never will be.
 */
export class PositionBarrier {
  readonly position: bigint;
  readonly #log: PositionedTable;
  #holders: readonly string[];

  private constructor(log: PositionedTable, position: bigint, open: readonly string[]) {
    this.position = position;
    this.#log = log;
    this.#holders = open;
  }

  static async begin(client: PostgresClient, log: PositionedTable): Promise<PositionBarrier> {
    const { label, table, sequence } = log;
    const drawn = await client.query<{ drawn: string }>({
      name: `potter_drawn_position_${label}`,
      text: `select (last_value - case when is_called then 0 else 1 end)::text as drawn from ${sequence}`,
    });
    // A statement of its own, and after the first: a holder that draws in between is above the position.
    const { rows } = await client.query<{ holder: string }>({
      name: `potter_position_holders_${label}`,
      text: `select distinct l.virtualtransaction as holder ${holders(table)}`,
    });
    return new PositionBarrier(
      log,
      BigInt(drawn.rows[0]?.drawn ?? '0'),
      rows.map(({ holder }) => holder),
    );
  }

  /** Everything up to {@link position} is decided; a snapshot taken from now on shows it. */
  get passed(): boolean {
    return this.#holders.length === 0;
  }

  /** Looks again. @returns true when `missing` has become visible, so that the proof is not needed for it. */
  async check(client: PostgresClient, missing: bigint): Promise<boolean> {
    const { label, table } = this.#log;
    const { rows } = await client.query<{ filled: boolean; holders: string }>({
      name: `potter_check_barrier_${label}`,
      text: `select exists (select from ${table} where position = $1::bigint) as filled,
        coalesce((select json_agg(distinct l.virtualtransaction) ${holders(table)}), '[]')::text as holders`,
      values: [missing.toString()],
    });
    const open = JSON.parse(rows[0]?.holders ?? '[]') as string[];
    const waitedFor = new Set(this.#holders);
    this.#holders = open.filter((holder) => waitedFor.has(holder) || holder.startsWith(PREPARED));
    return rows[0]?.filled ?? false;
  }
}

/** The open writers, oldest first: whom a delivery waits for. */
export async function openWriters(
  client: PostgresClient,
  { table }: PositionedTable,
): Promise<readonly OpenWriter[]> {
  const { rows } = await client.query<{
    holder: string;
    pid: string | null;
    age_ms: string | null;
    application: string | null;
    state: string | null;
  }>({
    text: `select w.holder, w.pid::text, a.application_name as application, a.state,
        (extract(epoch from clock_timestamp() - a.xact_start) * 1000)::bigint::text as age_ms
      from (select distinct l.virtualtransaction as holder, l.pid ${holders(table)}) w
      left join pg_stat_activity a on a.pid = w.pid
      order by a.xact_start nulls first`,
  });
  return rows.map((row) => ({
    holder: row.holder,
    pid: row.pid === null ? undefined : Number(row.pid),
    ageMs: row.age_ms === null ? undefined : Number(row.age_ms),
    application: row.application ?? '',
    state: row.state ?? 'prepared',
  }));
}
