import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ERROR_CODES } from 'potter-runtime/errors';
import { describe, expect, test } from 'vitest';
import { renderErrorDocs } from '../../../scripts/error-docs.ts';

const root = resolve(import.meta.dirname, '../../..');

/** Every source file of the runtime but the table itself, as one text. */
function sources(): string {
  const folder = join(root, 'runtime/src');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('error-codes.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
}

describe('docs/errors.md', () => {
  test('says what the table of codes says (else: npm run docs)', () => {
    expect(readFileSync(join(root, 'docs/errors.md'), 'utf8')).toBe(renderErrorDocs());
  });

  test('explains no code that nothing in the runtime uses', () => {
    const text = sources();
    const unused = Object.keys(ERROR_CODES).filter((code) => !text.includes(`'${code}'`));
    expect(unused).toEqual([]);
  });
});
