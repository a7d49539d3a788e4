import { createInterface } from 'node:readline/promises';
import { UsageError } from './command-error.ts';

/** Asks a person for a yes. @throws UsageError where nobody can answer. */
export async function askOnTerminal(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new UsageError('There is nobody to ask here: say --yes if you are sure.');
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
