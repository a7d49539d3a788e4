import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { CliContext } from '../../../generators/cli/cli-context.ts';
import { run } from '../../../generators/cli/run.ts';
import type { Result } from '../../../generators/cli/result.ts';
import { EXAMPLES, FIXTURE_FACTS, fixtureTemplates } from '../fixtures/examples.ts';

export interface Ending {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process, with the fixture examples and nobody at the terminal. */
export async function runCli(
  words: readonly string[],
  cwd: string,
  context: Partial<CliContext> = {},
): Promise<Ending> {
  let stdout = '';
  let stderr = '';
  const code = await run(words, {
    cwd,
    env: { PATH: process.env['PATH'], HOME: cwd },
    terminal: () => false,
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    examples: EXAMPLES,
    templates: fixtureTemplates,
    facts: FIXTURE_FACTS,
    defaultRuntime: async () => '^4.5.6',
    invocation: 'create',
    loadQuestions: () => Promise.reject(new Error('nobody may be asked')),
    ...context,
  });
  return { code, stdout, stderr };
}

/** Runs a program with stdin closed. */
export async function runProcess(
  program: string,
  words: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Ending> {
  const child = spawn(program, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}

const schema: object = JSON.parse(
  readFileSync(
    fileURLToPath(new URL('../../../generators/cli/result.schema.json', import.meta.url)),
    'utf8',
  ),
);
const validate: ValidateFunction<Result> = new Ajv2020({
  allErrors: true,
  allowUnionTypes: true,
}).compile<Result>(schema);

/** The one JSON object on stdout, checked against the schema that ships. */
export function resultOf(stdout: string): Result {
  const value: unknown = JSON.parse(stdout);
  if (validate(value)) return value;
  throw new Error(
    `not what result.schema.json says: ${JSON.stringify(validate.errors)}\n${stdout}`,
  );
}
