import type { ProjectionLease } from '../../projections/projection-store.ts';
import type { ProjectionContext, ProjectionIdentity } from '../../projections/projection.ts';
import { tableIn } from '../../projections/table-names.ts';
import type { PostgresPool, PostgresTransaction } from '../connection/client.ts';
import { sqlStateOf } from '../connection/errors.ts';
import { PROJECTIONS_CHANNEL } from './projection-generations.ts';
import { surroundingsOf } from './table-surroundings.ts';
import { inTransaction } from '../connection/transaction.ts';

type CatchUp = (context: ProjectionContext<PostgresTransaction>, upTo: bigint) => Promise<bigint>;

/**
 * How long readers of the live tables are waited for, while newer readers queue behind. Somebody who reads for longer
 * delays the change, not the other readers.
 */
const LOCK_TIMEOUT = '100ms';
const LOCK_NOT_AVAILABLE = '55P03';
/** Ends the transaction. */
class Refused extends Error {}

/**
 * Puts built tables in the place of the live ones, in one transaction: the names go over from the one to the other. A
 * query has locked the table behind a name by the time it reads, and keeps it to the end of its transaction; so whoever
 * has begun reads the old tables to the end, and whoever comes later finds the new ones under the same names, and may do
 * with them what it might with the old ones.
 */
export async function promote(
  pool: PostgresPool,
  lease: ProjectionLease,
  tables: ProjectionIdentity['tables'],
  catchUp: CatchUp,
): Promise<'promoted' | 'refused' | 'busy'> {
  const built = { role: 'building', generation: lease.generation } as const;
  // The first queries on the new tables should not be planned for empty ones.
  for (const { name } of tables) await pool.query({ text: `ANALYZE ${tableIn(built, name)}` });
  try {
    await inTransaction(pool, async (transaction) => {
      const position = await comeUp(transaction, lease, catchUp);
      await transaction.query({ text: `SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'` });
      const names = tables.map(({ name }) => name);
      await transaction.query({ text: `LOCK TABLE ${names.join(', ')} IN ACCESS EXCLUSIVE MODE` });
      const surroundings = await surroundingsOf(
        transaction,
        names.map((name) => ({ name, built: tableIn(built, name) })),
      );
      await transaction.query({ text: `DROP TABLE ${names.join(', ')}` });
      for (const name of names) {
        const plain = name.slice(name.indexOf('.') + 1);
        await transaction.query({
          text: `ALTER TABLE ${tableIn(built, name)} RENAME TO ${plain}`,
        });
      }
      for (const text of surroundings) await transaction.query({ text });
      await takeOver(transaction, lease, position);
    });
    return 'promoted';
  } catch (error) {
    if (error instanceof Refused) return 'refused';
    if (sqlStateOf(error) === LOCK_NOT_AVAILABLE) return 'busy';
    throw error;
  }
}

interface Row {
  readonly generation: number;
  readonly role: 'live' | 'building';
  readonly position: string;
  readonly held: boolean;
}

/** Locks the live generation, so that it stays where it is, and brings the built one there. */
async function comeUp(
  transaction: PostgresTransaction,
  lease: ProjectionLease,
  catchUp: CatchUp,
): Promise<bigint> {
  const { rows } = await transaction.query<Row>({
    text: `SELECT generation, role, position::text,
        coalesce(owner = $2 AND token = $3 AND expires_at > clock_timestamp() AND paused_at IS NULL, false) AS held
      FROM potter.projections WHERE name = $1 ORDER BY generation FOR UPDATE`,
    values: [lease.name, lease.owner, lease.token],
  });
  const built = rows.find(({ generation }) => generation === lease.generation);
  if (built?.held !== true || built.role !== 'building') throw new Refused();
  const position = BigInt(built.position);
  const upTo = BigInt(rows.find(({ role }) => role === 'live')?.position ?? 0);
  if (position >= upTo) return position;
  const context: ProjectionContext<PostgresTransaction> = {
    transaction,
    table: (name) => tableIn(built, name),
    building: true,
  };
  const reached = await catchUp(context, upTo);
  if (reached < upTo) throw new Refused();
  return reached;
}

async function takeOver(
  transaction: PostgresTransaction,
  { name, generation }: ProjectionLease,
  position: bigint,
): Promise<void> {
  const values = [name, generation];
  await transaction.query({
    text: `DELETE FROM potter.projection_dead_letters WHERE name = $1 AND generation <> $2`,
    values,
  });
  await transaction.query({
    text: `DELETE FROM potter.projections WHERE name = $1 AND generation <> $2`,
    values,
  });
  await transaction.query({
    text: `UPDATE potter.projections SET role = 'live', position = $3, owner = NULL, updated_at = clock_timestamp()
      WHERE name = $1 AND generation = $2
      RETURNING pg_notify('${PROJECTIONS_CHANNEL}', 'changed ' || name)`,
    values: [...values, position],
  });
}
