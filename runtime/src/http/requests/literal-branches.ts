import type { TLocalizedValidationError } from 'typebox/error';
import { branchesOf } from './union-branches.ts';

/** The errors, with one in place of all those of a choice between literals: it names them. */
export function withLiteralsNamed(
  errors: readonly TLocalizedValidationError[],
): readonly TLocalizedValidationError[] {
  const told = new Map<TLocalizedValidationError, TLocalizedValidationError | undefined>();
  for (const union of errors) {
    if (union.keyword !== 'anyOf') continue;
    const branches = branchesOf(union.schemaPath, errors);
    const literals = branches.flatMap((branch) => branch.flatMap(literalOf));
    if (literals.length === 0 || literals.length !== branches.length) continue;
    for (const error of branches.flat()) told.set(error, undefined);
    told.set(union, { ...union, keyword: 'enum', params: { allowedValues: literals } });
  }
  return errors.flatMap((error) => (told.has(error) ? (told.get(error) ?? []) : error));
}

function literalOf(error: TLocalizedValidationError): readonly unknown[] {
  return error.keyword === 'const' ? [error.params.allowedValue] : [];
}
