import { PotterError } from '../../errors/potter-error.ts';
import type { ProjectionIdentity } from '../../projections/projection.ts';
import type { PostgresTransaction } from '../connection/client.ts';

/** What refers to tables themselves, not to their names: views, and foreign keys of other tables. */
const REFERRING_SQL = `
  SELECT v.oid::regclass::text AS name FROM pg_depend d
  JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  JOIN pg_class v ON v.oid = r.ev_class
  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY($1::text[]::regclass[]) AND v.oid <> d.refobjid
  UNION
  SELECT conrelid::regclass::text FROM pg_constraint
  WHERE contype = 'f' AND confrelid = ANY($1::text[]::regclass[]) AND conrelid <> ALL($1::text[]::regclass[])
  ORDER BY name`;

/**
 * Tables that something refers to cannot give way to others of their names: better said before they are built than found
 * out afterwards.
 * @throws PotterError `PROJECTION_TABLES_REFERENCED`
 */
export async function assertReplaceable(
  transaction: PostgresTransaction,
  { name, tables }: ProjectionIdentity,
): Promise<void> {
  const { rows } = await transaction.query<{ readonly name: string }>({
    text: REFERRING_SQL,
    values: [tables.map((table) => table.name)],
  });
  if (rows.length === 0) return;
  const referring = rows.map((row) => row.name);
  throw new PotterError('PROJECTION_TABLES_REFERENCED', {
    message: `The tables of projection '${name}' cannot be replaced: ${referring.join(', ')} refer to them.`,
    remedy: 'Drop these views or foreign keys for the time of the rebuild.',
    details: { name, referring },
  });
}
