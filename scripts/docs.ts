/** `npm run docs`: rewrites the documents that are derived from the code. A unit test compares them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKOUT } from './checkout.ts';
import { renderErrorDocs } from './error-docs.ts';
import { withGuideCode } from './guide-code.ts';

writeFileSync(join(CHECKOUT, 'docs/errors.md'), renderErrorDocs());
const guide = join(CHECKOUT, 'docs/sagas.md');
writeFileSync(guide, withGuideCode(readFileSync(guide, 'utf8')));
console.log('wrote docs/errors.md and the code of docs/sagas.md');
