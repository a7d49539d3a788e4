import { PotterError } from '../../errors/potter-error.ts';
import type { FieldError } from './problem.ts';

/**
 * The request is well-formed, but values in it break rules. Answered with 422 `VALIDATION_FAILED`. Route schemas throw
 * it by themselves; a handler throws it for what a schema cannot say.
 */
export class ValidationError extends PotterError {
  override readonly name = 'ValidationError';
  readonly errors: readonly FieldError[];

  constructor(errors: readonly FieldError[]) {
    super('VALIDATION_FAILED', { message: summary(errors), details: { errors } });
    this.errors = errors;
  }
}

const PART_NAMES: Readonly<Record<FieldError['in'], string>> = {
  body: 'The body',
  query: 'The query',
  path: 'The address',
  header: 'The header',
};

const MORE: Readonly<Record<number, string>> = { 0: '', 1: ' There is 1 more error.' };

function summary(errors: readonly FieldError[]): string {
  const [first, ...others] = errors;
  if (first === undefined) return 'The request breaks a rule.';
  const place = first.path === '' ? PART_NAMES[first.in] : `'${first.path}' of the ${first.in}`;
  return `${place} ${first.message}.${MORE[others.length] ?? ` There are ${others.length} more errors.`}`;
}
