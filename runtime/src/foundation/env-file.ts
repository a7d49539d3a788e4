import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { PotterError } from '../errors/potter-error.ts';

const ASSIGNMENT = /^\s*(?:export\s+)?[A-Za-z_][A-Za-z0-9_.]*\s*=\s*(.*)$/;

/** Sets the variables of a `.env` file that the environment does not have already. Throws as {@link readEnvFile} does. */
export function loadEnvFile(file = '.env'): void {
  for (const [name, value] of Object.entries(readEnvFile(file))) {
    process.env[name] ??= value;
  }
}

/**
 * The variables of a `.env` file. No file, no variables.
 * Node skips lines it does not understand; a typing error in a secret should not be found out in that way.
 * @throws PotterError `INVALID_CONFIGURATION` with the number of the line, never with its content.
 */
export function readEnvFile(file = '.env'): NodeJS.Dict<string> {
  const text = textOf(file);
  const problem = problemIn(text);
  if (problem !== undefined) {
    throw new PotterError('INVALID_CONFIGURATION', {
      message: `${file} line ${problem.line} ${problem.what}.`,
      remedy: 'Lines have the form NAME=value; comments begin with #.',
      details: { file, line: problem.line },
    });
  }
  return parseEnv(text);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw new PotterError('INVALID_CONFIGURATION', {
      message: `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
      cause: error,
    });
  }
}

function problemIn(text: string): { readonly line: number; readonly what: string } | undefined {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  /** The quote that a value of several lines waits for, and where it began. */
  let open: { readonly quote: string; readonly line: number } | undefined;
  for (const [index, line] of lines.entries()) {
    if (open !== undefined) {
      if (line.includes(open.quote)) open = undefined;
      continue;
    }
    if (/^\s*(#|$)/.test(line)) continue;
    const value = ASSIGNMENT.exec(line)?.[1];
    if (value === undefined) return { line: index + 1, what: 'is not an assignment' };
    const quote = /^["'`]/.exec(value)?.[0];
    if (quote !== undefined && !value.slice(1).includes(quote)) open = { quote, line: index + 1 };
  }
  return open && { line: open.line, what: `opens a ${open.quote} that is never closed` };
}
