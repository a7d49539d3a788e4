import { isPotterError } from '../errors/potter-error.ts';

/** A command that was called wrongly: one line, and 2 as its exit code. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** For settings that are part of how a command was called: a mistake in them is a wrong call. */
export function asUsageError(error: unknown): never {
  throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
}

/** Writes what went wrong as one line and returns the exit code: 2 for a wrong call, 1 for everything else. */
export function reportFailure(command: string, error: unknown): number {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${command}: ${text.replace(/\s*\n\s*/g, ' ')}\n`);
  // Nobody foresaw this one; without the stack it could not be found.
  const isForeseen = error instanceof UsageError || isPotterError(error);
  if (!isForeseen && error instanceof Error && process.env['DEBUG'] !== undefined) {
    process.stderr.write(`${error.stack}\n`);
  }
  return error instanceof UsageError || isPotterError(error, 'INVALID_ARGUMENT') ? 2 : 1;
}
