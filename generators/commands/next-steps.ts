import type { ParsedArguments } from '../cli/parse-arguments.ts';
import type { PackageManager } from '../engine/package-managers.ts';
import type { GenerationOptions } from '../engine/template-data.ts';

/** What to type after the project is there. */
export function nextCommands(
  directory: string,
  manager: PackageManager,
  installed: boolean,
): readonly string[] {
  return [
    ...(directory === '.' ? [] : [`cd ${quoted(directory)}`]),
    ...(installed ? [] : [manager.install]),
    `${manager.run} dev`,
  ];
}

/** The command that makes the same project again without a question: every answer is in it. */
export function commandLine(
  invocation: string,
  example: string,
  directory: string,
  parsed: ParsedArguments,
  options: GenerationOptions,
): string {
  const words = [
    example,
    quoted(directory),
    '--name',
    options.packageName,
    '--package-manager',
    options.packageManager,
  ];
  if (parsed.runtime !== undefined) words.push('--runtime', quoted(parsed.runtime));
  if (!parsed.install) words.push('--no-install');
  if (!parsed.git) words.push('--no-git');
  return `${invocation} ${words.join(' ')}`;
}

/** Quotes a word where a POSIX shell would split or expand it. */
function quoted(word: string): string {
  return /^[\w./:@^~+-]+$/u.test(word) && !word.startsWith('~')
    ? word
    : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
