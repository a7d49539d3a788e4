import type { CliContext } from '../cli/cli-context.ts';
import { EMPTY_RESULT, type Result } from '../cli/result.ts';

/** `--list`: what can be created. */
export function listCommand(flags: { readonly json: boolean }, context: CliContext): Result {
  const examples = context.examples.map(({ name, title, summary, features }) => ({
    name,
    title,
    summary,
    features,
  }));
  if (!flags.json) {
    const width = Math.max(0, ...examples.map(({ name }) => name.length));
    for (const { name, summary } of examples) context.stdout(`${name.padEnd(width)}  ${summary}\n`);
  }
  return { ...EMPTY_RESULT, command: 'list', examples };
}
