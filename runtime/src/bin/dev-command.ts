import { existsSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import type { Logger } from '../foundation/logger.ts';
import { createMigrator } from '../migrations/migrator.ts';
import { asUsageError, UsageError } from './command-error.ts';
import { DevSession, type DevSessionOptions } from './dev-session.ts';
import { loadEnvFile, readEnvFile } from '../foundation/env-file.ts';
import { openProjectDatabase, type ProjectDatabase } from './project-database.ts';
import { readProjectSettings } from '../migrations/project-settings.ts';

/** What `--help` prints. */
export const DEV_USAGE = `potter-dev [--no-watch] <entry.ts> [arguments of the program]

Runs a TypeScript program and starts it again when its sources or .env change, and when it is killed. When DATABASE_URL
is set neither in the environment nor in .env, a real PostgreSQL is started from npm, with its data in .potter/, and
migrated. A crash waits for a change; a program that ends by itself ends the command, with its exit code.

  --no-watch runs it once: nothing starts it again
  --help     this text
`;

interface Call {
  readonly entry: string;
  readonly args: readonly string[];
  readonly watch: boolean;
}

/** Runs `potter-dev` with these arguments and returns its exit code. */
export async function devCommand(args: readonly string[], logger: Logger): Promise<number> {
  const call = parseCall(args);
  if (call === undefined) {
    process.stdout.write(DEV_USAGE);
    return 0;
  }
  const inherited = { ...process.env };
  loadEnvFile();
  process.env['NODE_ENV'] ??= 'development';
  const { components } = await readProjectSettings().catch(asUsageError);
  const startedAt = performance.now();
  const database = await openProjectDatabase(logger);
  try {
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    logger.info(
      database.kind === 'embedded'
        ? `${database.description} (${seconds} s)`
        : `using DATABASE_URL, ${database.description}`,
    );
    // What .env says may change between two starts; which database it is does not.
    const environment = (): NodeJS.ProcessEnv => ({
      NODE_ENV: 'development',
      ...readEnvFile(),
      ...inherited,
      DATABASE_URL: database.url,
    });
    const migrator = createMigrator({ databaseUrl: database.url, components, logger });
    const migrate = async (): Promise<void> => {
      // A database of somebody else's is theirs to change.
      if (database.kind === 'embedded') await migrator.up();
      else await warnOfPending(() => migrator.pending(), logger);
    };
    await migrate();
    return await runSession({ ...call, migrate, environment, logger });
  } finally {
    await closeQuietly(database, logger);
  }
}

function runSession(options: Omit<DevSessionOptions, 'folders' | 'files'>): Promise<number> {
  const { entry } = options;
  const top = relative(process.cwd(), dirname(entry)).split(/[/\\]/)[0] ?? '';
  const folders = ['migrations', ...(top === '' || top === '..' ? [] : [top])].map((folder) =>
    resolve(folder),
  );
  const files = ['.env', 'package.json', 'tsconfig.json', entry].map((file) => resolve(file));
  return new DevSession({ ...options, folders, files }).run();
}

async function warnOfPending(
  pending: () => Promise<readonly string[]>,
  logger: Logger,
): Promise<void> {
  try {
    const names = await pending();
    if (names.length === 0) return;
    logger.warn(`${names.length} migration(s) are not applied: run 'npm run migrate -- up'`);
  } catch (error) {
    // The service says so too, and perhaps waits until the database is there.
    logger.warn('the database could not be asked for its migrations', { error });
  }
}

async function closeQuietly(database: ProjectDatabase, logger: Logger): Promise<void> {
  await database.close().catch((error: unknown) => {
    logger.warn('the database did not stop', { error });
  });
}

function parseCall(args: readonly string[]): Call | undefined {
  let watch = true;
  for (const [index, arg] of args.entries()) {
    if (arg === '--help' || arg === '-h') return undefined;
    if (arg === '--no-watch') watch = false;
    else if (arg.startsWith('-'))
      throw new UsageError(`'${arg}' is not one of --no-watch, --help.`);
    else {
      const entry = resolve(arg);
      if (!existsSync(entry)) throw new UsageError(`There is no file ${arg} in ${process.cwd()}.`);
      return { entry, args: args.slice(index + 1), watch };
    }
  }
  throw new UsageError('Say what to run: potter-dev src/main.ts.');
}
