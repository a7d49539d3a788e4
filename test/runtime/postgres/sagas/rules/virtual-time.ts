import type { Pool } from 'pg';

/** Sets the time of a server whose database was given to {@link liveInVirtualTime}. */
export const SET_TIME = 'UPDATE virtual.clock SET at = $1';

/** The functions that tell a statement the time, by which leases and rates are counted. */
const FUNCTIONS = ['clock_timestamp', 'statement_timestamp', 'now'];

/**
 * Makes connections that are opened from now on see the time of a table. A name without a schema is looked for in the order
 * of the search path, in which the server's own functions need not come first.
 */
export async function liveInVirtualTime(pool: Pool): Promise<void> {
  const functions = FUNCTIONS.map(
    (name) =>
      `CREATE FUNCTION virtual.${name}() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM virtual.clock';`,
  );
  await pool.query(`
    CREATE SCHEMA virtual;
    CREATE TABLE virtual.clock (at timestamptz NOT NULL);
    INSERT INTO virtual.clock VALUES ('-infinity');
    ${functions.join('\n')}
    ALTER TABLE potter.two_phase_transactions ALTER begun_at SET DEFAULT virtual.clock_timestamp();
    -- Followers renew what they leave on a saga by real time.
    CREATE FUNCTION virtual.for_ever() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN NEW.watched_until := ''infinity''; RETURN NEW; END';
    CREATE TRIGGER watched_for_ever BEFORE UPDATE OF watched_until ON potter.sagas
      FOR EACH ROW EXECUTE FUNCTION virtual.for_ever();
    DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = virtual, pg_catalog, public', current_database()); END $$`);
}
