import { Command, CommanderError } from 'commander';
import { GeneratorError } from '../engine/generator-error.ts';
import { PACKAGE_MANAGERS, type PackageManagerName } from '../engine/package-managers.ts';
import { kebab } from '../engine/words.ts';
import { nearest } from './nearest.ts';
import { ARGUMENTS, CLI_OPTIONS, HELP_EXAMPLES, type CliOption } from './options.ts';

export interface ParsedArguments {
  readonly example: string | undefined;
  readonly directory: string | undefined;
  readonly list: boolean;
  readonly help: boolean;
  readonly version: boolean;
  readonly name: string | undefined;
  readonly packageManager: PackageManagerName | undefined;
  readonly runtime: string | undefined;
  readonly install: boolean;
  readonly git: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly yes: boolean;
}

interface RawOptions {
  readonly list?: true;
  readonly help?: true;
  readonly version?: true;
  readonly name?: string;
  readonly packageManager?: string;
  readonly runtime?: string;
  readonly install: boolean;
  readonly git: boolean;
  readonly dryRun?: true;
  readonly json?: true;
  readonly yes?: true;
}

/** Reads the words after the command. Throws a usage error, with the nearest valid spelling, before anything happens. */
export function parseArguments(words: readonly string[]): ParsedArguments {
  const program = createProgram();
  try {
    program.parse(words, { from: 'user' });
  } catch (error) {
    throw error instanceof CommanderError ? usageError(error) : error;
  }
  const options = program.opts<RawOptions>();
  for (const option of CLI_OPTIONS) assertValue(option, options);
  const [example, directory] = program.args;
  return {
    example,
    directory,
    list: options.list === true,
    help: options.help === true,
    version: options.version === true,
    name: options.name,
    packageManager: parsePackageManager(options.packageManager),
    runtime: options.runtime,
    install: options.install,
    git: options.git,
    dryRun: options.dryRun === true,
    json: options.json === true,
    yes: options.yes === true,
  };
}

/** The text of `--help`. */
export function helpText(): string {
  const examples = HELP_EXAMPLES.map((line) => `  ${line}`).join('\n');
  return `${createProgram().helpInformation()}\nExamples:\n${examples}\n`;
}

const HELP_WIDTH = 100;

/** Output is ours; and commander must not look at the streams, which costs 10 ms and makes the help depend on the terminal. */
const SILENT = {
  writeErr: () => undefined,
  writeOut: () => undefined,
  getErrHelpWidth: () => HELP_WIDTH,
  getOutHelpWidth: () => HELP_WIDTH,
  getErrHasColors: () => false,
  getOutHasColors: () => false,
} as const;

function createProgram(): Command {
  const program = new Command('create-potter-example')
    .description('Write an event-sourcing or saga service in TypeScript that you own.')
    .helpOption(false)
    .exitOverride()
    .configureOutput(SILENT)
    .showSuggestionAfterError(false);
  for (const { name, description } of ARGUMENTS) program.argument(`[${name}]`, description);
  for (const option of CLI_OPTIONS) program.option(option.flags, describeOption(option));
  return program.action(() => undefined);
}

export function describeOption(option: CliOption): string {
  return option.default === undefined
    ? option.description
    : `${option.description} (default: ${option.default})`;
}

/** Commander takes the next word for a value, whatever it is: `--name --json` forgot one. */
function assertValue(option: CliOption, options: RawOptions): void {
  const value = Object.entries(options).find(
    ([key]) => kebab(key) === longFlag(option).slice(2),
  )?.[1];
  if (typeof value !== 'string' || !value.startsWith('-')) return;
  throw new GeneratorError('INVALID_OPTION', {
    message: `option '${option.flags}' needs a value, got the option ${value}`,
    hint: 'See --help.',
    details: { option: longFlag(option), value },
  });
}

/** `--name` of `--name <package>`; the long form where there is a short one. */
export function longFlag(option: CliOption): string {
  return /--[a-z-]+/u.exec(option.flags)?.[0] ?? option.flags;
}

function parsePackageManager(given: string | undefined): PackageManagerName | undefined {
  if (given === undefined) return undefined;
  const known = PACKAGE_MANAGERS.find((name) => name === given);
  if (known !== undefined) return known;
  throw new GeneratorError('INVALID_OPTION', {
    message: `--package-manager ${JSON.stringify(given)} is not one of ${PACKAGE_MANAGERS.join(', ')}`,
    hint: didYouMean(nearest(given, PACKAGE_MANAGERS)),
    details: { option: '--package-manager', value: given, valid: PACKAGE_MANAGERS },
  });
}

function usageError(error: CommanderError): GeneratorError {
  const message = error.message.replace(/^error: /u, '');
  const flags = CLI_OPTIONS.map(longFlag);
  const given = /'([^']*)'/u.exec(message)?.[1] ?? '';
  switch (error.code) {
    case 'commander.unknownOption': {
      const suggestion = nearest(given.split('=', 1)[0] ?? given, flags);
      return new GeneratorError('UNKNOWN_OPTION', {
        message,
        hint: `${didYouMean(suggestion)} Options: ${flags.join(', ')}.`.trimStart(),
        details: { option: given, suggestion: suggestion ?? null, valid: flags },
        cause: error,
      });
    }
    case 'commander.excessArguments':
      return new GeneratorError('TOO_MANY_ARGUMENTS', {
        message: 'too many arguments: there are an example and a directory',
        hint: 'A directory with spaces has to be quoted.',
        cause: error,
      });
    default:
      return new GeneratorError('INVALID_OPTION', { message, hint: 'See --help.', cause: error });
  }
}

export function didYouMean(suggestion: string | undefined): string {
  return suggestion === undefined ? '' : `Did you mean ${suggestion}?`;
}
