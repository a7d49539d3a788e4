import { PotterError } from '../../errors/potter-error.ts';
import type { Duration } from '../../foundation/duration.ts';
import { loadEnvFile } from '../../foundation/env-file.ts';
import { exitWithOneLine } from '../lifecycle/exit-with-one-line.ts';
import type { LogLevel } from '../logging/create-logger.ts';
import { duration, host, oneOf, port, type Variable } from './variable.ts';

/** Variables by name. */
export type Variables = { readonly [name: string]: Variable<unknown> };

/** The values of variables, each with the type of its variable. */
export type Environment<V extends Variables> = {
  readonly [Name in keyof V]: V[Name] extends Variable<infer T> ? T : never;
};

/** The variables that every service has, with their types. */
export interface ServiceVariables {
  /** The port to listen on. Default 8080; 0 takes any free one. */
  readonly PORT: Variable<number>;
  /** The host to listen on. Default 127.0.0.1. */
  readonly HOST: Variable<string>;
  /** What is logged. Default `info`. */
  readonly LOG_LEVEL: Variable<LogLevel>;
  /** The longest a stop may take. Default 10 s. */
  readonly SHUTDOWN_TIMEOUT: Variable<Duration>;
}

/** The variables that every service has. */
export const SERVICE_VARIABLES: ServiceVariables = {
  PORT: port({ default: 8080 }),
  HOST: host({ default: '127.0.0.1' }),
  LOG_LEVEL: oneOf(['debug', 'info', 'warn', 'error', 'silent'], { default: 'info' }),
  SHUTDOWN_TIMEOUT: duration({ default: '10s' }),
};

/**
 * Reads the variables of a service, its own and {@link SERVICE_VARIABLES}, from the environment and from `.env` where
 * that file exists; what is set in the environment wins. A bad or missing value ends the process: one line on standard
 * error that names the variable, what is wrong and what is accepted; exit code 1.
 */
export function environment<V extends Variables>(
  own: V,
  options: { readonly file?: string } = {},
): Environment<Pick<ServiceVariables, keyof ServiceVariables> & V> {
  try {
    loadEnvFile(options.file);
    return readEnvironment({ ...SERVICE_VARIABLES, ...own }, process.env);
  } catch (error) {
    return exitWithOneLine(error);
  }
}

/**
 * The values of variables in a record of texts. Empty counts as not set.
 * @throws PotterError `INVALID_CONFIGURATION` that names everything that is wrong, in one line.
 */
export function readEnvironment<V extends Variables>(
  variables: V,
  source: Readonly<Record<string, string | undefined>>,
): Environment<V> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, variable] of Object.entries(variables)) {
    const text = source[name]?.trim() ?? '';
    if (text === '') {
      if (variable.fallback.kind === 'value') values[name] = variable.fallback.value;
      else problems.push(`${name} is not set; it must be ${variable.accepted}.`);
      continue;
    }
    const value = variable.parse(text);
    if (value === undefined)
      problems.push(`${name} ${shown(text, variable)}; it must be ${variable.accepted}.`);
    else values[name] = value;
  }
  if (problems.length > 0) {
    throw new PotterError('INVALID_CONFIGURATION', { message: problems.join(' ') });
  }
  return values as Environment<V>;
}

const LONGEST_SHOWN = 40;

function shown(text: string, { secret }: Variable<unknown>): string {
  if (secret) return 'has a value that cannot be used (not shown: it may hold a password)';
  const cut = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
  return `is ${JSON.stringify(cut)}`;
}
