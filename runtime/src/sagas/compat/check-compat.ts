import { PotterError } from '../../errors/potter-error.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import { evolve } from '../machine/evolve.ts';
import { fits } from '../machine/fits.ts';
import {
  type DefinitionDescription,
  type DescribedRow,
  describedRow,
} from './describe-definition.ts';
import { type Begun, standingsOf, stateOf } from './old-states.ts';
import { whyUnfit } from './why-unfit.ts';

/** Sagas that a new definition cannot go on with. */
export interface CompatProblem {
  /** Where they are: the step, wait or choice that they began last. */
  readonly at: string;
  /** A sentence: which sagas, and why. */
  readonly message: string;
}

const now = new Date(0);

/**
 * Which sagas, under way under an older definition, a new one cannot go on with. For a check before a deployment: the old
 * one is read from the file that `describeDefinition` wrote when it was deployed. A process that has both versions needs no such
 * check: then each saga ends on its own.
 * @param old parsed JSON
 * @returns nothing when every saga goes on
 * @throws PotterError `INVALID_ARGUMENT` for JSON that is no description, or is of another saga.
 */
export function checkCompat(
  old: DefinitionDescription,
  next: SagaDefinition<unknown, never>,
): readonly CompatProblem[] {
  const definition = next as SagaDefinition;
  const row = describedRow(old.graph);
  if (old.name !== definition.name) {
    throw new PotterError('INVALID_ARGUMENT', {
      message: `The description is of saga '${old.name}', the definition is of '${definition.name}'.`,
      remedy: 'Compare a definition with an older one of its own.',
    });
  }
  const renamed = renamesSince(old, definition);
  if (!renamed) return [versionProblem(old, definition)];
  if (old.hash === definition.hash) return [];
  const nameOf = (path: string): string =>
    Object.hasOwn(renamed, path) ? (renamed[path] ?? path) : path;
  const problems = new Map<string, CompatProblem>();
  for (const standing of standingsOf(row)) {
    const state = evolve(stateOf(old, standing), {
      type: 'DefinitionMigrated',
      at: now,
      fromVersion: old.version,
      toVersion: definition.version,
      definitionHash: old.hash,
      renamed,
    });
    const last = standing.at(-1);
    if (!last || fits(definition, state, now)) continue;
    const where = placeOf(last);
    if (problems.has(where)) continue;
    const why = whyUnfit(definition, standing, nameOf, state);
    problems.set(where, {
      at: last.path,
      message: `A saga of version ${old.version} that has ${where} cannot go on under version ${definition.version}: ${why}.`,
    });
  }
  return [...problems.values(), ...lostUndos(row, old, definition, nameOf)];
}

/** Under the same version nothing is renamed; under another only what it says. Undefined: it does not take the old one over. */
function renamesSince(
  old: DefinitionDescription,
  definition: SagaDefinition,
): Readonly<Record<string, string>> | undefined {
  return old.version === definition.version ? {} : definition.migrateFrom.get(old.version);
}

function versionProblem(
  old: DefinitionDescription,
  { name, version }: SagaDefinition,
): CompatProblem {
  return {
    at: name,
    message: `Sagas of version ${old.version} wait for ever under version ${version}: keep version ${old.version} registered until they are over, or let migrateFrom of version ${version} say what was renamed.`,
  };
}

function placeOf(last: Begun): string {
  if (last.kind !== 'decision') return `begun '${last.path}'`;
  return last.branch === null
    ? `gone no way at '${last.path}'`
    : `gone the way '${last.branch}' at '${last.path}'`;
}

/** What can go on, but would leave something undone should it turn round. */
function lostUndos(
  row: DescribedRow,
  { version }: DefinitionDescription,
  definition: SagaDefinition,
  nameOf: (path: string) => string,
): readonly CompatProblem[] {
  return everyAttempted(row).flatMap(({ path, undone }) => {
    const node = definition.attempted.get(nameOf(path));
    if (!undone || !node || node.compensate) return [];
    const message = `A saga of version ${version} that has begun '${path}' and turns round leaves it as it is under version ${definition.version}: its undo is gone.`;
    return [{ at: path, message }];
  });
}

function everyAttempted(
  row: DescribedRow,
): readonly { readonly path: string; readonly undone: boolean }[] {
  return row.flatMap((node) => {
    switch (node.kind) {
      case 'attempted':
        return [node];
      case 'parallel':
        return node.branches.flatMap(everyAttempted);
      case 'choice':
        return node.cases.flatMap(({ row: steps }) => everyAttempted(steps));
      case 'wait':
        return [];
    }
  });
}
