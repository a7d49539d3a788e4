import { join, resolve } from 'node:path';
import { PotterError } from '../errors/potter-error.ts';
import { silentLogger, type Logger } from '../foundation/logger.ts';
import { readApplied, type AppliedMigration, type MigrationQuery } from './applied-migrations.ts';
import { createMigration } from './create-migration.ts';
import {
  displayPath,
  listMigrations,
  readMigration,
  type MigrationFile,
  type MigrationSource,
} from './migration-file.ts';
import { withMigrationLock, withSession } from './migration-session.ts';
import { runMigration } from './run-migration.ts';
import { RUNTIME_COMPONENTS, type RuntimeComponent } from './runtime-components.ts';

/** What is migrated, and where. */
export interface MigratorOptions {
  readonly databaseUrl: string;
  /** The parts of the runtime whose tables are needed. Default: none. */
  readonly components?: readonly RuntimeComponent[];
  /** The project's migrations. Default `migrations` in the current folder; it need not exist. */
  readonly directory?: string;
  /** Told what is applied. Default: nobody. */
  readonly logger?: Logger;
}

/** Options of `up` and `down`. */
export interface MigrateOptions {
  /** Look only: the database is not changed in any way. Default false. */
  readonly dryRun?: boolean;
}

/** A migration that was run, or would be. */
export interface MigrationStep {
  readonly source: MigrationSource;
  readonly name: string;
  readonly path: string;
  /** What is sent to the database. */
  readonly sql: string;
}

/** One line of the status. */
export interface MigrationStatus {
  /** `unknown`: applied, but its file is not there; a newer version of the program did that, or somebody removed it. */
  readonly state: 'applied' | 'pending' | 'unknown';
  readonly name: string;
  readonly appliedAt?: Date;
}

/** Brings a database to the form a program needs. Any number of processes may do so at once; one does the work. */
export interface Migrator {
  /** Applies what is missing, the runtime's parts first, and returns it. */
  up(options?: MigrateOptions): Promise<readonly MigrationStep[]>;
  /** Takes back the project's last migration; undefined when there is none. The runtime's parts are never taken back. */
  down(options?: MigrateOptions): Promise<MigrationStep | undefined>;
  status(): Promise<readonly MigrationStatus[]>;
  /**
   * Names of what is missing. Cheap: for readiness, where a service passes its own pool; without one it connects.
   */
  pending(client?: MigrationQuery): Promise<readonly string[]>;
  /** Makes an empty migration in the project's folder and returns its path. */
  create(name: string): Promise<string>;
}

/**
 * A front for node-pg-migrate, which runs the files; see {@link Migrator}.
 * Its methods throw PotterError `MIGRATION_FAILED`, `DATABASE_UNAVAILABLE` or `INVALID_CONFIGURATION`.
 */
export function createMigrator(options: MigratorOptions): Migrator {
  return new NodePgMigrator(options);
}

class NodePgMigrator implements Migrator {
  readonly #databaseUrl: string;
  readonly #components: readonly RuntimeComponent[];
  readonly #directory: string;
  readonly #logger: Logger;

  constructor(options: MigratorOptions) {
    const asked = new Set(options.components);
    this.#databaseUrl = options.databaseUrl;
    this.#components = RUNTIME_COMPONENTS.filter((component) => asked.has(component));
    this.#directory = resolve(options.directory ?? 'migrations');
    this.#logger = options.logger ?? silentLogger;
  }

  async up({ dryRun = false }: MigrateOptions = {}): Promise<readonly MigrationStep[]> {
    const files = await this.#files();
    return withSession(this.#databaseUrl, async (client) => {
      const missing = missingOf(files, await readApplied(client));
      if (missing.length === 0 || dryRun)
        return Promise.all(missing.map((file) => step(file, 'up')));
      return withMigrationLock(client, this.#logger, async () => {
        // Whoever had the lock before may have done it all.
        const steps: MigrationStep[] = [];
        for (const file of missingOf(files, await readApplied(client))) {
          await runMigration(client, file, 'up');
          steps.push(await step(file, 'up'));
          this.#logger.info(`applied ${file.name}`, { migration: file.name });
        }
        return steps;
      });
    });
  }

  async down({ dryRun = false }: MigrateOptions = {}): Promise<MigrationStep | undefined> {
    const files = (await this.#files()).filter((file) => file.source === 'project');
    return withSession(this.#databaseUrl, (client) =>
      withMigrationLock(client, this.#logger, async () => {
        const applied = await readApplied(client);
        const last = applied.findLast((migration) => !isOfRuntime(migration.name));
        if (last === undefined) return undefined;
        const file = files.find(({ name }) => name === last.name);
        if (file === undefined) throw missingFile(last.name, this.#directory);
        if (!dryRun) {
          await runMigration(client, file, 'down');
          this.#logger.info(`took back ${file.name}`, { migration: file.name });
        }
        return step(file, 'down');
      }),
    );
  }

  async status(): Promise<readonly MigrationStatus[]> {
    const files = await this.#files();
    const applied = await withSession(this.#databaseUrl, (client) => readApplied(client));
    const dates = new Map(applied.map(({ name, appliedAt }) => [name, appliedAt]));
    const known = new Set(files.map(({ name }) => name));
    return [
      ...files.map(({ name }): MigrationStatus => {
        const appliedAt = dates.get(name);
        return appliedAt === undefined
          ? { state: 'pending', name }
          : { state: 'applied', name, appliedAt };
      }),
      ...applied
        .filter(({ name }) => !known.has(name))
        .map((row): MigrationStatus => ({ state: 'unknown', ...row })),
    ];
  }

  async pending(client?: MigrationQuery): Promise<readonly string[]> {
    const files = await this.#files();
    const applied =
      client === undefined
        ? await withSession(this.#databaseUrl, (session) => readApplied(session))
        : await readApplied(client);
    const done = new Set(applied.map(({ name }) => name));
    return files.filter(({ name }) => !done.has(name)).map(({ name }) => name);
  }

  create(name: string): Promise<string> {
    return createMigration(this.#directory, name);
  }

  #files(): Promise<readonly MigrationFile[]> {
    return listMigrations(this.#components, this.#directory);
  }
}

/** A migration's number says which ones it was written after; slipping one in before an applied one breaks that. */
function missingOf(
  files: readonly MigrationFile[],
  applied: readonly AppliedMigration[],
): readonly MigrationFile[] {
  const done = new Set(applied.map(({ name }) => name));
  for (const [index, file] of files.entries()) {
    if (done.has(file.name)) continue;
    const later = files.find(
      (other, at) => at > index && other.source === file.source && done.has(other.name),
    );
    if (later === undefined) continue;
    throw new PotterError('MIGRATION_FAILED', {
      message: `${file.fileName} is not applied, but ${later.fileName}, which comes after it, is.`,
      remedy: 'Give the file a later number.',
      details: { file: file.fileName, applied: later.fileName },
    });
  }
  return files.filter(({ name }) => !done.has(name));
}

async function step(file: MigrationFile, direction: 'up' | 'down'): Promise<MigrationStep> {
  const sql = await readMigration(file);
  return {
    source: file.source,
    name: file.name,
    path: displayPath(join(file.directory, file.fileName)),
    sql: sql[direction]?.text ?? '',
  };
}

function isOfRuntime(name: string): boolean {
  return name.includes(':');
}

function missingFile(name: string, directory: string): PotterError {
  return new PotterError('MIGRATION_FAILED', {
    message: `The last applied migration is ${name}, and ${displayPath(directory)} has no file of that name.`,
    remedy: 'Get the file back from version control; its down section is needed.',
    details: { migration: name, directory },
  });
}
