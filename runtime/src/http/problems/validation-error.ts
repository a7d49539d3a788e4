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

/** So many errors are told in words; all of them are in `errors`. */
const MAX_TOLD = 10;

function summary(errors: readonly FieldError[]): string {
  if (errors.length === 0) return 'The request breaks a rule.';
  const told = errors.slice(0, MAX_TOLD).map(sentence).join(' ');
  const more = errors.length - MAX_TOLD;
  if (more <= 0) return told;
  return `${told} There ${more === 1 ? 'is 1 more error' : `are ${more} more errors`}.`;
}

function sentence({ in: part, path, message }: FieldError): string {
  const place = path === '' ? PART_NAMES[part] : `'${path}' of the ${part}`;
  return `${place} ${message}.`;
}
