import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EXAMPLES } from '../generators/examples/registry.ts';
import { CHECKOUT } from './checkout.ts';
import { driftOf, writeExample, type Drift } from './example-drift.ts';
import { chosenExamples } from './chosen-examples.ts';

/**
 * `npm run regenerate [-- example…]` rewrites `generated-examples/`; with `--check` it changes nothing and fails on any
 * difference, naming the file, the template it comes from, and the fixing command.
 */
const words = process.argv.slice(2);
const check = words.includes('--check');
const examples = chosenExamples(
  words.filter((word) => word !== '--check'),
  EXAMPLES,
);
const templates = join(CHECKOUT, 'templates');
const out = process.stdout;

let drifted = 0;
for (const example of examples) {
  const directory = join(CHECKOUT, 'generated-examples', example.name);
  const drift = driftOf(example, templates, directory);
  if (check) {
    for (const line of drift.map((entry) => describe(example.name, entry))) out.write(`${line}\n`);
    drifted += drift.length;
  } else {
    writeExample(directory, drift);
    out.write(
      `${example.name}: ${drift.length === 0 ? 'unchanged' : `${drift.length} files rewritten`}\n`,
    );
  }
}
if (check) {
  const fix = drifted === 0 ? '' : ' Fix: npm run regenerate';
  out.write(
    `${examples.length} examples checked, ${drifted} files differ from their templates.${fix}\n`,
  );
}
if (examples.length === 0 || !existsSync(templates)) out.write('no example is registered\n');
process.exitCode = drifted === 0 ? 0 : 1;

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
