/** `npm run docs`: rewrites the documents that are derived from the code. A unit test compares them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKOUT } from './checkout.ts';
import { renderErrorDocs } from './error-docs.ts';

writeFileSync(join(CHECKOUT, 'docs/errors.md'), renderErrorDocs());
console.log('wrote docs/errors.md');
