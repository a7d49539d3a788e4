import type * as Runner from 'node-pg-migrate';
import type * as Driver from 'pg';
import { PotterError } from '../errors/potter-error.ts';
import { MIGRATIONS_SCHEMA, MIGRATIONS_TABLE } from './applied-migrations.ts';
import { migrationError } from './migration-error.ts';
import { readMigration, type MigrationFile, type MigrationSection } from './migration-file.ts';

/** The runner reports every statement; what matters of that is in our errors. */
const quiet = { info: () => {}, warn: () => {}, error: () => {} };

/** Applies one migration or takes it back, and notes it in the table, both in one transaction. */
export async function runMigration(
  client: Driver.Client,
  file: MigrationFile,
  direction: 'up' | 'down',
): Promise<void> {
  const sql = await readMigration(file);
  const section = sql[direction];
  if (section === undefined) {
    throw new PotterError('MIGRATION_FAILED', {
      message: `${file.fileName} cannot be taken back: it has no line '-- Down Migration'.`,
      remedy: 'Write a new migration that undoes it.',
      details: { file: file.fileName },
    });
  }
  const { runner } = await importRunner();
  try {
    await runner({
      dbClient: client,
      direction,
      count: 1,
      file: file.name,
      dir: file.directory,
      // The runner reads whole folders; all but this file are left out, so that another one's mistake is not reported here.
      ignorePattern: `(?!${file.fileName.replace('.', '\\.')}$).*`,
      migrationLoaderStrategies: [
        { extensions: ['.sql'], loader: loaderOf(file, section, direction) },
      ],
      migrationsSchema: MIGRATIONS_SCHEMA,
      createMigrationsSchema: true,
      migrationsTable: MIGRATIONS_TABLE,
      // The order is checked, and the lock held, around all files.
      checkOrder: false,
      noLock: true,
      singleTransaction: true,
      logger: quiet,
    });
  } catch (error) {
    throw migrationError(file, section, error);
  }
}

/** False: this way is not meant. The same function for both ways would mean that the runner should work one out. */
const NEITHER = { up: false, down: false } as const;

type Loader = (filePaths: string[]) => Promise<Unit[]>;

interface Unit {
  id: string;
  filePaths: string[];
  actions: Record<'up' | 'down', false | ((builder: Runner.MigrationBuilder) => void)>;
}

/** The name under which a migration is noted comes from the loader's id: that is how all share one table. */
function loaderOf(
  file: MigrationFile,
  section: MigrationSection,
  direction: 'up' | 'down',
): Loader {
  const action = (builder: Runner.MigrationBuilder): void => {
    if (!section.transactional) builder.noTransaction();
    builder.sql(section.text);
  };
  return (filePaths) =>
    Promise.resolve([{ id: file.name, filePaths, actions: { ...NEITHER, [direction]: action } }]);
}

async function importRunner(): Promise<typeof Runner> {
  try {
    return await import('node-pg-migrate');
  } catch (error) {
    throw new PotterError('INVALID_CONFIGURATION', {
      message: "The npm package 'node-pg-migrate' is not installed.",
      remedy: "Run 'npm install node-pg-migrate'.",
      cause: error,
    });
  }
}
