import { type TInteger, type TOptional, type TString, Type } from 'typebox';
import { ValidationError } from '../problems/validation-error.ts';

/** How many to give at once: a query parameter `limit`. */
export function pageLimit(
  options: { readonly default?: number; readonly max?: number } = {},
): TInteger {
  const { max = 1_000 } = options;
  return Type.Integer({
    minimum: 1,
    maximum: max,
    default: Math.min(max, options.default ?? 100),
    description: `How many at most, from 1 to ${max}.`,
  });
}

/** Where to go on: a query parameter `after`, a position or a version as a decimal number. */
export const afterPosition: TOptional<TString> = Type.Optional(
  Type.String({
    pattern: '^(?:0|[1-9][0-9]{0,18})$',
    description: 'Go on after this position. Leave it out to start at the beginning.',
    examples: ['0'],
  }),
);

/** There is one more position in 64 bits; it is left, so that "the one after" is a position too. */
const LARGEST_POSITION = 2n ** 63n - 2n;

/**
 * The position that a text says; undefined for undefined.
 * @throws ValidationError when it is no whole number from 0 to 2^63-2.
 */
export function parsePosition<T extends string | undefined>(
  text: T,
  parameter?: string,
): T extends string ? bigint : undefined;
export function parsePosition(text: string | undefined, parameter = 'after'): bigint | undefined {
  if (text === undefined) return undefined;
  const position = /^(?:0|[1-9]\d{0,18})$/.test(text) ? BigInt(text) : undefined;
  if (position !== undefined && position <= LARGEST_POSITION) return position;
  throw new ValidationError([
    { in: 'query', path: `/${parameter}`, message: 'must be a whole number from 0 to 2^63-2' },
  ]);
}
