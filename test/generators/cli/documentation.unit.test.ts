import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EXIT_CODES } from '../../../generators/cli/exit-codes.ts';
import { ARGUMENTS, CLI_OPTIONS, type CliOption } from '../../../generators/cli/options.ts';
import { describeOption, helpText } from '../../../generators/cli/parse-arguments.ts';
import { GENERATOR_ERRORS } from '../../../generators/engine/generator-error.ts';

const page = readFileSync(new URL('../../../docs/generator.md', import.meta.url), 'utf8');

/** The cells of the first table after a text, without backticks and without the header. */
function table(after: string): readonly (readonly string[])[] {
  const rest = page.slice(page.indexOf(after));
  const block = /(?:^\|.*\n)+/mu.exec(rest)?.[0] ?? '';
  return block
    .trim()
    .split('\n')
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

const OPTIONS: readonly CliOption[] = CLI_OPTIONS;

test('the documented options are the options there are, with their defaults', () => {
  const documented = table('## Options');
  expect(documented).toEqual(
    OPTIONS.map((option) => [option.flags, option.description, option.default ?? '']),
  );
});

test('the documented arguments are the arguments there are', () => {
  expect(table('## Arguments')).toEqual(
    ARGUMENTS.map(({ name, description }) => [name, description]),
  );
});

test('the documented exit codes are the exit codes there are', () => {
  expect(table('## Exit codes')).toEqual(
    Object.entries(EXIT_CODES).map(([code, meaning]) => [code, meaning]),
  );
});

test('the documented error codes are the error codes there are', () => {
  const documented = table('`error.code` is one of').map(([code, exit]) => [code, Number(exit)]);
  expect(documented).toEqual(Object.entries(GENERATOR_ERRORS));
});

test('the help names every option and argument', () => {
  const words = helpText().replaceAll(/\s+/gu, ' ');
  for (const option of OPTIONS)
    expect(words).toContain(`${option.flags} ${describeOption(option)}`);
  for (const { name, description } of ARGUMENTS) expect(words).toContain(`${name} ${description}`);
});
