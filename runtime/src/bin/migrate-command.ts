import { parseArgs } from 'node:util';
import type { Logger } from '../foundation/logger.ts';
import { createMigration } from '../migrations/create-migration.ts';
import { displayPath } from '../migrations/migration-file.ts';
import { createMigrator, type MigrationStep, type Migrator } from '../migrations/migrator.ts';
import { asUsageError, UsageError } from './command-error.ts';
import { loadEnvFile } from '../foundation/env-file.ts';
import { notOneOf } from '../foundation/nearest.ts';
import { openProjectDatabase } from './project-database.ts';
import { readProjectSettings } from '../migrations/project-settings.ts';

/** What `--help` prints. */
export const MIGRATE_USAGE = `potter-migrate up|down|status [--dry-run]
potter-migrate create <name>

  up        applies what is missing: the runtime's tables (package.json: "potter": {"schema": [...]}), then migrations/
  down      takes back the project's last migration
  status    lists what is applied and what is not
  create    makes an empty migration in migrations/
  --dry-run prints the SQL of up or down and changes nothing
  --help    this text

The database is DATABASE_URL (from the environment or .env) or, when that is not set, the project's embedded one.
`;

const COMMANDS = ['up', 'down', 'status', 'create'] as const;
const OPTIONS = ['--dry-run', '--help'];

/** What was asked for. */
interface Call {
  readonly command: (typeof COMMANDS)[number];
  readonly name: string;
  readonly dryRun: boolean;
}

/** Runs `potter-migrate` with these arguments; what it has to say goes line by line to `print`. */
export async function migrateCommand(
  args: readonly string[],
  print: (text: string) => void,
  logger: Logger,
): Promise<void> {
  const call = parseCall(args);
  if (call === undefined) return print(MIGRATE_USAGE);
  if (call.command === 'create') {
    return print(displayPath(await createMigration('migrations', call.name)));
  }
  loadEnvFile();
  const { components } = await readProjectSettings().catch(asUsageError);
  const database = await openProjectDatabase(logger);
  try {
    const migrator = createMigrator({ databaseUrl: database.url, components, logger });
    await run(call, migrator, print);
  } finally {
    await database.close();
  }
}

async function run(call: Call, migrator: Migrator, print: (text: string) => void): Promise<void> {
  const { command, dryRun } = call;
  if (command === 'status') {
    for (const { state, name, appliedAt } of await migrator.status()) {
      print(`${state.padEnd(8)} ${appliedAt?.toISOString() ?? '-'.padEnd(24)} ${name}`);
    }
    return;
  }
  const steps =
    command === 'up'
      ? await migrator.up({ dryRun })
      : [await migrator.down({ dryRun })].filter((step) => step !== undefined);
  if (dryRun) steps.forEach((step) => print(preview(step)));
  if (steps.length === 0) {
    print(command === 'up' ? 'nothing to apply' : 'nothing to take back');
  }
}

function preview(step: MigrationStep): string {
  return `-- ${step.path}\n${step.sql.trim()}\n`;
}

function parseCall(args: readonly string[]): Call | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true) return undefined;
  const [typed, name, ...rest] = positionals;
  if (typed === undefined) throw new UsageError(`Say what to do: ${COMMANDS.join(', ')}.`);
  const command = COMMANDS.find((known) => known === typed);
  if (command === undefined) throw new UsageError(notOneOf(typed, COMMANDS));
  if (command === 'create' && name === undefined) {
    throw new UsageError('Say what to call it: potter-migrate create add_customer_email.');
  }
  const surplus = command === 'create' ? rest[0] : name;
  if (surplus !== undefined) {
    throw new UsageError(`'${surplus}' is too much: ${command} takes no such argument.`);
  }
  return { command, name: name ?? '', dryRun: values['dry-run'] === true };
}

function parse(args: readonly string[]): {
  readonly values: { readonly 'dry-run'?: boolean; readonly help?: boolean };
  readonly positionals: readonly string[];
} {
  const unknown = args.find((arg) => arg.startsWith('-') && !['-h', ...OPTIONS].includes(arg));
  if (unknown !== undefined) throw new UsageError(notOneOf(unknown, OPTIONS));
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { 'dry-run': { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
}
