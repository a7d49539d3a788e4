import type { ExampleDefinition } from '../generators/examples/example-definition.ts';

/** The examples named on a maintainer's command line; all when none is named. A wrong name ends the command. */
export function chosenExamples(
  names: readonly string[],
  examples: readonly ExampleDefinition[],
): readonly ExampleDefinition[] {
  if (names.length === 0) return examples;
  return names.map((name) => {
    const found = examples.find((example) => example.name === name);
    if (found !== undefined) return found;
    const known = examples.map((example) => example.name).join(', ');
    process.stderr.write(
      `error: there is no example ${JSON.stringify(name)}; there are ${known}\n`,
    );
    return process.exit(2);
  });
}
