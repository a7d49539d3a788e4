import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkDefinitions } from '../sagas/compat/check-definitions.ts';
import {
  type DefinitionDescription,
  describeDefinition,
} from '../sagas/compat/describe-definition.ts';
import type { SagaDefinition } from '../sagas/definition/saga-definition.ts';
import { UsageError } from './command-error.ts';

/** What is to be compared. */
export interface CompatCall {
  /** Where the descriptions of what is deployed are kept, beside the sources. */
  readonly file: string;
  /** A module whose `definitions` are to be deployed. */
  readonly module: string;
  /** Writes the file anew instead: what it holds is what is deployed from now on. */
  readonly write: boolean;
}

/**
 * Says which sagas under way the definitions of a module could not go on with. Needs no database.
 * @returns the exit code: 1 when there are some.
 * @throws UsageError when the module has no definitions, or the file cannot be read.
 */
export async function compareDefinitions(
  { file, module, write }: CompatCall,
  print: (text: string) => void,
): Promise<number> {
  const definitions = await definitionsOf(module);
  if (write) {
    const text = JSON.stringify(definitions.map(describeDefinition), null, 2);
    await writeFile(file, `${text}\n`);
    print(`${file}: ${definitions.length} definitions written`);
    return 0;
  }
  const problems = checkDefinitions(await descriptionsIn(file), definitions);
  for (const { message } of problems) print(message);
  if (problems.length === 0) print('Every saga that is under way can go on.');
  return problems.length === 0 ? 0 : 1;
}

async function definitionsOf(module: string): Promise<readonly SagaDefinition<unknown, never>[]> {
  if (!existsSync(module)) throw new UsageError(`There is no file ${module} in ${process.cwd()}.`);
  const loaded = (await import(pathToFileURL(resolve(module)).href)) as {
    readonly definitions?: unknown;
  };
  const { definitions } = loaded;
  if (Array.isArray(definitions) && definitions.length > 0 && definitions.every(isDefinition)) {
    return definitions;
  }
  throw new UsageError(
    `${module} does not export \`definitions\`, a list of what saga(…).build() gives.`,
  );
}

function isDefinition(value: unknown): value is SagaDefinition<unknown, never> {
  return typeof value === 'object' && value !== null && 'hash' in value && 'migrateFrom' in value;
}

async function descriptionsIn(file: string): Promise<readonly DefinitionDescription[]> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(
      `${file} cannot be read (${String(error)}). Write it from the version that is deployed, with --write.`,
    );
  }
  return (Array.isArray(parsed) ? parsed : [parsed]) as readonly DefinitionDescription[];
}
