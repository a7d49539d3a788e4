import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExampleDefinition } from '../generators/examples/example-definition.ts';
import { EXAMPLES } from '../generators/examples/registry.ts';
import { CHECKOUT } from './checkout.ts';
import { chosenExamples } from './chosen-examples.ts';
import { driftOf, writeExample, type Drift } from './example-drift.ts';

export interface Regeneration {
  readonly examples: readonly ExampleDefinition[];
  /** Every example there is: a folder of another name comes from nothing. */
  readonly known: readonly ExampleDefinition[];
  readonly templates: string;
  /** `generated-examples/`. */
  readonly generated: string;
  /** Change nothing, and fail on any difference. */
  readonly check: boolean;
  readonly say: (line: string) => void;
}

/**
 * Makes the checked-in examples what their templates write, or says of each difference which template it comes from and what
 * repairs it. To have compared nothing is a failure too.
 * @returns the exit code
 */
export function regenerate(request: Regeneration): 0 | 1 {
  const { examples, known, templates, generated, check, say } = request;
  if (examples.length === 0) {
    say('no example is registered');
    return 1;
  }
  let drifted = 0;
  for (const example of examples) {
    const directory = join(generated, example.name);
    const drift = driftOf(example, templates, directory);
    if (check) for (const entry of drift) say(describe(example.name, entry));
    else writeExample(directory, drift);
    if (!check) {
      const what = drift.length === 0 ? 'unchanged' : `${drift.length} files rewritten`;
      say(`${example.name}: ${what}`);
    }
    drifted += drift.length;
  }
  const strangers = readdirSync(generated).filter(
    (name) => !known.some((example) => example.name === name),
  );
  for (const name of strangers)
    say(`generated-examples/${name} comes from no example of the registry: remove it`);
  if (check) {
    const fix = drifted === 0 ? '' : ' Fix: npm run regenerate';
    say(`${examples.length} examples checked, ${drifted} files differ from their templates.${fix}`);
  }
  return strangers.length === 0 && (drifted === 0 || !check) ? 0 : 1;
}

function describe(example: string, { path, kind, template }: Drift): string {
  const from = template === undefined ? 'made by the engine' : `comes from ${template}`;
  switch (kind) {
    case 'missing':
      return `generated-examples/${example}/${path} is missing; it ${from}`;
    case 'different':
      return `generated-examples/${example}/${path} differs; it ${from}`;
    case 'surplus':
      return `generated-examples/${example}/${path} comes from no template`;
  }
}

/** `npm run regenerate [-- example…] [--check]` */
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const words = process.argv.slice(2);
  process.exitCode = regenerate({
    examples: chosenExamples(
      words.filter((word) => word !== '--check'),
      EXAMPLES,
    ),
    known: EXAMPLES,
    templates: join(CHECKOUT, 'templates'),
    generated: join(CHECKOUT, 'generated-examples'),
    check: words.includes('--check'),
    say: (line) => {
      process.stdout.write(`${line}\n`);
    },
  });
}
