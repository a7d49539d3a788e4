import type { TLocalizedValidationError } from 'typebox/error';

/** The errors below a union, by the alternative that they belong to. */
export function branchesOf(
  union: string,
  errors: readonly TLocalizedValidationError[],
): readonly (readonly TLocalizedValidationError[])[] {
  const branches = new Map<string, TLocalizedValidationError[]>();
  const prefix = `${union}/anyOf/`;
  for (const error of errors) {
    if (!error.schemaPath.startsWith(prefix)) continue;
    const [index = ''] = error.schemaPath.slice(prefix.length).split('/');
    branches.set(index, [...(branches.get(index) ?? []), error]);
  }
  return [...branches.values()];
}
