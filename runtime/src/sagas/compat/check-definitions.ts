import type { SagaDefinition } from '../definition/saga-definition.ts';
import { checkCompat, type CompatProblem } from './check-compat.ts';
import type { DefinitionDescription } from './describe-definition.ts';

/**
 * The same for all definitions of a service: what was deployed against what is to be. Sagas of a version that is still there
 * are its own; those of another are the newest's that takes them over.
 */
export function checkDefinitions(
  deployed: readonly DefinitionDescription[],
  next: readonly SagaDefinition<unknown, never>[],
): readonly CompatProblem[] {
  return deployed.flatMap((old) => {
    const named = next
      .filter(({ name }) => name === old.name)
      .toSorted((one, other) => other.version - one.version);
    const heir =
      named.find(({ version }) => version === old.version) ??
      named.find(({ migrateFrom }) => migrateFrom.has(old.version)) ??
      named[0];
    if (heir) return checkCompat(old, heir);
    const message = `Sagas of '${old.name}' wait for ever: no version of it is there any more.`;
    return [{ at: old.name, message }];
  });
}
