/** The table of applied migrations: `potter.migrations`, in the form of node-pg-migrate. */
export const MIGRATIONS_SCHEMA = 'potter';
/** See {@link MIGRATIONS_SCHEMA}. */
export const MIGRATIONS_TABLE = 'migrations';

/** Whatever runs a statement; a `pg` pool or client fits. */
export interface MigrationQuery {
  query(statement: { readonly text: string }): Promise<{ readonly rows: readonly unknown[] }>;
}

/** A row of the table. */
export interface AppliedMigration {
  readonly name: string;
  readonly appliedAt: Date;
}

interface Row {
  readonly name: string;
  /** A bigint, which the driver gives as text. */
  readonly ms: string;
}

/** What was applied, in that order. A database that was never migrated has no table, and nothing applied. */
export async function readApplied(client: MigrationQuery): Promise<readonly AppliedMigration[]> {
  const table = `${MIGRATIONS_SCHEMA}.${MIGRATIONS_TABLE}`;
  const known = await client.query({ text: `SELECT 1 WHERE to_regclass('${table}') IS NOT NULL` });
  if (known.rows.length === 0) return [];
  const { rows } = await client.query({
    // The column has no time zone; migrations are applied in UTC.
    text: `SELECT name, (extract(epoch FROM run_on) * 1000)::bigint AS ms FROM ${table} ORDER BY run_on, id`,
  });
  return (rows as readonly Row[]).map(({ name, ms }) => ({
    name,
    appliedAt: new Date(Number(ms)),
  }));
}
