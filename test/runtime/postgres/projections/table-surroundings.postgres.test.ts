import { randomUUID } from 'node:crypto';
import {
  PostgresProjectionStore,
  PostgresSagaFeed,
  PostgresSagaStore,
} from 'potter-runtime/postgres';
import { createProjectionRunner, project, type ProjectionRunner } from 'potter-runtime/projections';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { COMMIT_COUNTS, countingCommits } from '../../projections/counting-commits.ts';
import { newSaga, registered } from '../sagas/saga-fixtures.ts';

let database: TestDatabase;
let store: PostgresSagaStore;
let runner: ProjectionRunner;
/** Roles are the server's, not the database's: each run has its own. */
const suffix = randomUUID().slice(0, 8);
const [owner, reader, clerk, stranger] = ['owner', 'reader', 'clerk', 'stranger'].map(
  (role) => `potter_${role}_${suffix}`,
);
const ROLES = [owner, reader, clerk, stranger];

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas', 'projections'] });
  await database.pool.query(COMMIT_COUNTS);
  for (const role of ROLES) await database.pool.query(`CREATE ROLE ${role}`);
  store = new PostgresSagaStore({ pool: database.pool });
  const feed = new PostgresSagaFeed({ pool: database.pool });
  runner = createProjectionRunner({
    store: new PostgresProjectionStore({ pool: database.pool }),
    projections: [project(feed, countingCommits())],
  });
  await runner.run();
  const lease = { workerId: await registered(store), token: 1n };
  for (let n = 0; n < 5; n += 1) await store.create(newSaga(), { lease });
  await runner.waitFor('commit-counts', 'caughtUp', { timeout: '1m' });
});

afterAll(async () => {
  await runner.stop();
  await store.close();
  await database.pool.query(`DROP OWNED BY ${ROLES.join(', ')} CASCADE`);
  await database.pool.query(`DROP ROLE ${ROLES.join(', ')}`);
  await database.close();
});

/** Counts what a role sees of the live table. */
async function countAs(role: string | undefined): Promise<number> {
  const client = await database.pool.connect();
  try {
    await client.query(`SET ROLE ${role}`);
    const { rows } = await client.query<{ n: number }>(
      'SELECT count(*)::integer AS n FROM commit_counts',
    );
    return rows[0]?.n ?? -1;
  } finally {
    await client.query('RESET ROLE');
    client.release();
  }
}

/** Everything that stands about the two tables, by name. */
async function surroundings(): Promise<unknown> {
  const { rows } = await database.pool.query(`
    SELECT c.relname, pg_get_userbyid(c.relowner) AS owner, obj_description(c.oid, 'pg_class') AS comment,
      (SELECT array_agg(x ORDER BY x) FROM (SELECT pg_get_userbyid(grantee) || ' ' || privilege_type || is_grantable AS x
        FROM aclexplode(c.relacl)) g) AS grants,
      (SELECT array_agg(attname || attacl::text ORDER BY attname) FROM pg_attribute WHERE attrelid = c.oid AND attacl IS NOT NULL) AS columns,
      c.relrowsecurity, c.relforcerowsecurity,
      (SELECT json_agg(p ORDER BY p.policyname) FROM pg_policies p WHERE p.tablename = c.relname) AS policies,
      (SELECT array_agg(pg_get_triggerdef(t.oid) ORDER BY tgname) FROM pg_trigger t WHERE t.tgrelid = c.oid) AS triggers
    FROM pg_class c WHERE c.relname IN ('commit_counts', 'commit_total') ORDER BY 1`);
  return rows;
}

async function rebuilt(): Promise<void> {
  const { generation } = await runner.rebuild('commit-counts');
  await expect
    .poll(async () => (await runner.progress())[0]?.live?.generation, { timeout: 60_000 })
    .toBe(generation);
}

test('whoever may read a read model may read it while it is rebuilt and afterwards, and nobody else may', async () => {
  await database.pool.query(`GRANT SELECT ON commit_counts TO ${reader}`);
  // What this session makes from now on, a stranger may read: the tables being built, not those in their place.
  await database.pool.query(
    `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO ${stranger}`,
  );
  expect(await countAs(reader)).toBe(5);
  await expect(countAs(stranger)).rejects.toThrow(/permission denied/);
  const state = { rebuilding: true };
  const done = rebuilt().finally(() => (state.rebuilding = false));
  let reads = 0;
  for (; state.rebuilding; reads += 1) expect(await countAs(reader)).toBe(5);
  await done;
  expect(reads).toBeGreaterThan(0);
  expect(await countAs(reader)).toBe(5);
  await expect(countAs(stranger)).rejects.toThrow(/permission denied/);
});

test('a rebuild is refused while views or foreign keys refer to the tables, and says which', async () => {
  await database.pool.query(`
    CREATE VIEW busy_sagas AS SELECT saga_id FROM commit_counts WHERE commits > 1;
    CREATE TABLE notes (saga_id text REFERENCES commit_counts)`);
  await expect(runner.rebuild('commit-counts')).rejects.toMatchObject({
    code: 'PROJECTION_TABLES_REFERENCED',
    message: expect.stringContaining('busy_sagas, notes refer to them'),
  });
  expect((await runner.progress())[0]?.rebuild).toBeNull();
  await database.pool.query('DROP VIEW busy_sagas; DROP TABLE notes');
  await rebuilt();
});

test('a rebuild keeps owner, privileges of columns, comment, row security and triggers, again and again', async () => {
  await database.pool.query(`
    GRANT USAGE, CREATE ON SCHEMA public TO ${owner};
    GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON commit_counts TO ${clerk} WITH GRANT OPTION;
    GRANT SELECT (commits), UPDATE (commits) ON commit_total TO ${clerk};
    GRANT SELECT ON commit_total TO PUBLIC;
    COMMENT ON TABLE commit_counts IS 'what it''s for';
    ALTER TABLE commit_counts ENABLE ROW LEVEL SECURITY;
    CREATE POLICY "few of them" ON commit_counts FOR SELECT TO ${reader}, ${clerk} USING (entries < 1);
    CREATE POLICY own ON commit_counts AS RESTRICTIVE FOR UPDATE TO PUBLIC USING (true) WITH CHECK (commits > 0);
    CREATE FUNCTION quiet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER quietly AFTER INSERT ON commit_counts FOR EACH ROW EXECUTE FUNCTION quiet();
    ALTER TABLE commit_total OWNER TO ${owner};`);
  const before = await surroundings();
  expect(JSON.stringify(before)).toMatch(/few of them.*quietly/);
  expect(await countAs(reader)).toBe(0);
  for (let n = 0; n < 2; n += 1) {
    await rebuilt();
    expect(await surroundings()).toEqual(before);
  }
  expect(await countAs(reader)).toBe(0);
});
