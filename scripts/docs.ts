/**
 * `npm run docs`: rewrites the documents that are derived from the code. With `--check` it only compares, and exits with 1 when
 * one of them differs; a unit test does the same.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKOUT } from './checkout.ts';
import { renderErrorDocs } from './error-docs.ts';
import { withGuideCode } from './guide-code.ts';

const derived: Readonly<Record<string, (present: string) => string>> = {
  'docs/errors.md': renderErrorDocs,
  'docs/sagas.md': withGuideCode,
};
for (const [name, derive] of Object.entries(derived)) {
  const path = join(CHECKOUT, name);
  const present = readFileSync(path, 'utf8');
  const wanted = derive(present);
  if (present === wanted) console.log(`${name} is up to date`);
  else if (process.argv.includes('--check')) {
    console.error(`${name} differs from the code: npm run docs`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, wanted);
    console.log(`wrote ${name}`);
  }
}
