import type { TLocalizedValidationError } from 'typebox/error';
import { branchesOf } from './union-branches.ts';

/**
 * The errors without those of a `null` that is the only alternative to one other form, as in "an object, or nothing at all".
 * Who sent a wrong object is helped by what is wrong with it, and not by "must be null".
 */
export function withoutNullBranch(
  errors: readonly TLocalizedValidationError[],
): readonly TLocalizedValidationError[] {
  const idle = new Set<TLocalizedValidationError>();
  for (const union of errors) {
    if (union.keyword !== 'anyOf') continue;
    const branches = branchesOf(union.schemaPath, errors);
    const nulls = branches.filter((branch) => branch.every(saysNull)).flat();
    if (nulls.length !== 1 || branches.length !== 2) continue;
    for (const error of [union, ...nulls]) idle.add(error);
  }
  return errors.filter((error) => !idle.has(error));
}

function saysNull(error: TLocalizedValidationError): boolean {
  return error.keyword === 'type' && error.params.type === 'null';
}
