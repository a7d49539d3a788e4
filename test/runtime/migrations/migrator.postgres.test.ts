import { expect, test } from 'vitest';
import { createMigrator, RUNTIME_COMPONENTS } from 'potter-runtime/migrations';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { migrationFolder } from './migration-folder.ts';

async function tablesOf(database: TestDatabase): Promise<readonly string[]> {
  const { rows } = await database.pool.query<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
  );
  return rows.map((row) => row.name);
}

test('every part of the runtime can be applied, and applying again does nothing', async () => {
  await using database = await createTestDatabase();
  await using folder = await migrationFolder();
  const migrator = createMigrator({
    databaseUrl: database.url,
    components: RUNTIME_COMPONENTS,
    directory: folder.path,
  });
  const first = await migrator.up();
  expect(new Set(first.map((step) => step.source))).toEqual(new Set(RUNTIME_COMPONENTS));
  expect(await migrator.up()).toEqual([]);
  expect(await migrator.pending()).toEqual([]);
});

test('the project’s migrations come after the runtime’s, by number', async () => {
  await using database = await createTestDatabase();
  await using folder = await migrationFolder();
  await folder.write('10_second.sql', 'ALTER TABLE first ADD COLUMN extra int;');
  await folder.write('9_first.sql', 'CREATE TABLE first (id int);');
  const migrator = createMigrator({
    databaseUrl: database.url,
    components: ['event-store'],
    directory: folder.path,
  });
  const names = (await migrator.up()).map((step) => step.name);
  expect(names.at(0)).toMatch(/^event-store:0001_/);
  expect(names.slice(-2)).toEqual(['9_first', '10_second']);
});

test('a dry run says what would be sent and changes nothing at all', async () => {
  await using database = await createTestDatabase();
  await using folder = await migrationFolder();
  await folder.write('1_first.sql', 'CREATE TABLE first (id int);', 'DROP TABLE first;');
  const migrator = createMigrator({ databaseUrl: database.url, directory: folder.path });
  const steps = await migrator.up({ dryRun: true });
  expect(steps).toMatchObject([
    { name: '1_first', source: 'project', sql: expect.stringContaining('CREATE TABLE first') },
  ]);
  const { rows } = await database.pool.query("SELECT 1 FROM pg_namespace WHERE nspname = 'potter'");
  expect(rows).toEqual([]);
  await migrator.up();
  expect((await migrator.down({ dryRun: true }))?.sql).toContain('DROP TABLE first');
  expect(await tablesOf(database)).toEqual(['first']);
});

test('down takes back the project’s last migration, one at a time, and never the runtime’s', async () => {
  await using database = await createTestDatabase();
  await using folder = await migrationFolder();
  await folder.write('1_first.sql', 'CREATE TABLE first (id int);', 'DROP TABLE first;');
  const project = createMigrator({ databaseUrl: database.url, directory: folder.path });
  await project.up();
  // Applied later than the project's own: still not what `down` means.
  const migrator = createMigrator({
    databaseUrl: database.url,
    components: ['event-store'],
    directory: folder.path,
  });
  await migrator.up();
  expect((await migrator.down())?.name).toBe('1_first');
  expect(await migrator.down()).toBeUndefined();
  expect(await tablesOf(database)).toEqual([]);
  expect(await migrator.pending()).toEqual(['1_first']);
});

test('status tells applied, pending and unknown apart', async () => {
  await using database = await createTestDatabase();
  await using folder = await migrationFolder();
  await using newer = await migrationFolder();
  await folder.write('1_first.sql', 'SELECT 1;');
  await newer.write('1_first.sql', 'SELECT 1;');
  await newer.write('2_second.sql', 'SELECT 1;');
  await folder.write('3_third.sql', 'SELECT 1;');
  await createMigrator({ databaseUrl: database.url, directory: newer.path }).up();
  const before = Date.now();
  const status = await createMigrator({
    databaseUrl: database.url,
    directory: folder.path,
  }).status();
  expect(status).toMatchObject([
    { state: 'applied', name: '1_first' },
    { state: 'pending', name: '3_third' },
    { state: 'unknown', name: '2_second' },
  ]);
  expect(Math.abs((status[0]?.appliedAt?.getTime() ?? 0) - before)).toBeLessThan(60_000);
});

test('readiness can ask with the service’s own pool', async () => {
  await using database = await createTestDatabase();
  await using folder = await migrationFolder();
  await folder.write('1_first.sql', 'SELECT 1;');
  const migrator = createMigrator({ databaseUrl: database.url, directory: folder.path });
  expect(await migrator.pending(database.pool)).toEqual(['1_first']);
  await migrator.up();
  expect(await migrator.pending(database.pool)).toEqual([]);
});

test('a refused statement names file, line, statement and reason, and nothing of its file is kept', async () => {
  await using database = await createTestDatabase();
  await using folder = await migrationFolder();
  await folder.write('1_first.sql', 'CREATE TABLE first (id int);');
  await folder.write(
    '2_broken.sql',
    'CREATE TABLE half (id int);\n\nALTER TABLE nowhere\n  ADD id int;',
  );
  await folder.write('3_never.sql', 'CREATE TABLE never (id int);');
  const migrator = createMigrator({ databaseUrl: database.url, directory: folder.path });
  const error: unknown = await migrator.up().catch((failure: unknown) => failure);
  expect(error).toMatchObject({
    code: 'MIGRATION_FAILED',
    message: expect.stringMatching(
      /2_broken\.sql(:\d+)? failed: relation "nowhere" does not exist/,
    ),
    details: { sqlState: '42P01' },
  });
  expect(await tablesOf(database)).toEqual(['first']);
  expect(await migrator.pending()).toEqual(['2_broken', '3_never']);
});

test('a syntax error points at its line', async () => {
  await using database = await createTestDatabase();
  await using folder = await migrationFolder();
  await folder.write('1_broken.sql', 'SELECT 1;\n\nCREATE TABEL x (id int);');
  const migrator = createMigrator({ databaseUrl: database.url, directory: folder.path });
  await expect(migrator.up()).rejects.toMatchObject({
    details: { line: 4, statement: 'CREATE TABEL x (id int)' },
  });
});

test('a migration slipped in before an applied one is refused', async () => {
  await using database = await createTestDatabase();
  await using folder = await migrationFolder();
  await folder.write('2_second.sql', 'SELECT 1;');
  const migrator = createMigrator({ databaseUrl: database.url, directory: folder.path });
  await migrator.up();
  await folder.write('1_late.sql', 'SELECT 1;');
  await expect(migrator.up()).rejects.toMatchObject({
    code: 'MIGRATION_FAILED',
    message: expect.stringContaining('1_late.sql is not applied, but 2_second.sql'),
  });
});

test('a statement that refuses transactions can be run without one', async () => {
  await using database = await createTestDatabase();
  await using folder = await migrationFolder();
  await folder.write('1_first.sql', 'CREATE TABLE first (id int);');
  await folder.write(
    '2_index.sql',
    '-- No Transaction\nCREATE INDEX CONCURRENTLY first_id ON first (id);',
  );
  const migrator = createMigrator({ databaseUrl: database.url, directory: folder.path });
  expect(await migrator.up()).toHaveLength(2);
  expect(await migrator.up()).toEqual([]);
});

test('a migration without a down section is not taken back', async () => {
  await using database = await createTestDatabase();
  await using folder = await migrationFolder();
  await folder.write('1_first.sql', 'CREATE TABLE first (id int);');
  const migrator = createMigrator({ databaseUrl: database.url, directory: folder.path });
  await migrator.up();
  await expect(migrator.down()).rejects.toThrow(/1_first\.sql cannot be taken back/);
});

test('a database that does not answer is DATABASE_UNAVAILABLE without the password', async () => {
  await using folder = await migrationFolder();
  const databaseUrl = 'postgres://me:s3cret@127.0.0.1:1/shop';
  const migrator = createMigrator({ databaseUrl, directory: folder.path });
  await expect(migrator.status()).rejects.toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
    message: expect.not.stringContaining('s3cret'),
  });
});
