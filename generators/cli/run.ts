import { listCommand } from '../commands/list.ts';
import { GeneratorError } from '../engine/generator-error.ts';
import type { CliContext } from './cli-context.ts';
import { helpText, parseArguments } from './parse-arguments.ts';
import { EMPTY_RESULT, resultError, type Result } from './result.ts';

/** Runs the command line and returns the exit code. Never throws: every failure is a line, or the `error` of the JSON result. */
export async function run(words: readonly string[], context: CliContext): Promise<number> {
  // Known before parsing, so that even a usage error is answered in JSON.
  const json = words.includes('--json');
  let result: Result = EMPTY_RESULT;
  try {
    const parsed = parseArguments(words);
    if (parsed.help || parsed.version) {
      context.stdout(parsed.help ? helpText() : `${context.facts.generatorVersion}\n`);
      return 0;
    }
    if (parsed.list) {
      result = listCommand(parsed, context);
    } else {
      // Loaded late: help, version and list need neither engine nor templates, and start in half the time without.
      const { createCommand } = await import('../commands/create.ts');
      result = await createCommand(parsed, context);
    }
  } catch (error) {
    result = { ...EMPTY_RESULT, ok: false, error: resultError(asGeneratorError(error, context)) };
  }
  if (json) context.stdout(`${JSON.stringify(result)}\n`);
  if (result.error === null) return 0;
  const hint =
    result.error.hint === null || result.error.hint === '' ? '' : `\n${result.error.hint}`;
  context.stderr(`error: ${result.error.message}${hint}\n`);
  return result.error.exitCode;
}

function asGeneratorError(error: unknown, context: CliContext): GeneratorError {
  if (error instanceof GeneratorError) return error;
  const debugging = context.env['POTTER_DEBUG'] === '1';
  if (debugging && error instanceof Error) context.stderr(`${error.stack ?? error.message}\n`);
  return new GeneratorError('INTERNAL', {
    message: `unexpected: ${error instanceof Error ? error.message : String(error)}`,
    hint: debugging
      ? 'Please report this.'
      : 'Please report this, with the output of the same command under POTTER_DEBUG=1.',
    cause: error,
  });
}
