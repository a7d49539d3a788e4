import { type TString, Type } from 'typebox';
import type { FieldError } from '../problems/problem.ts';
import { ValidationError } from '../problems/validation-error.ts';

/** ISO 8601 with seconds and an offset. The offset may not be left out: nobody could tell whose time it is. */
const FORM = /^(?!0000)\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/** Schema of a time in a body or a query: ISO 8601 with an offset or `Z`. */
export function instant(options: { readonly description?: string } = {}): TString {
  return Type.String({
    format: 'date-time',
    examples: ['2026-01-31T12:00:00.000Z'],
    ...options,
  });
}

/**
 * The time that a text says; undefined for undefined. The schema has refused most of what is no time; this refuses the
 * rest: a 61st second, a year 0, a 30th of February.
 * @param where what to name when it is no time: `{ in: 'query', path: '/at' }`.
 * @throws ValidationError
 */
export function parseInstant<T extends string | undefined>(
  text: T,
  where: Pick<FieldError, 'in' | 'path'>,
): T extends string ? Date : undefined;
export function parseInstant(
  text: string | undefined,
  where: Pick<FieldError, 'in' | 'path'>,
): Date | undefined {
  if (text === undefined) return undefined;
  // In a query a + that was not encoded arrives as a blank; no time has a blank there.
  const time = new Date(FORM.test(text.replace(' ', '+')) ? text.replace(' ', '+') : Number.NaN);
  if (!Number.isNaN(time.getTime()) && time.getTime() >= YEAR_1_MS) return time;
  throw new ValidationError([
    { ...where, message: 'must be a time such as 2026-01-31T12:00:00.000Z' },
  ]);
}

const YEAR_1_MS = new Date('0001-01-01T00:00:00.000Z').getTime();
