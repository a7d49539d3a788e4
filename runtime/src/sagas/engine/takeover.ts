import type { SagaDefinition } from '../definition/saga-definition.ts';
import { evolve } from '../machine/evolve.ts';
import { fits } from '../machine/fits.ts';
import type { MachineInput } from '../machine/machine-input.ts';
import type { SagaState } from '../machine/saga-state.ts';
import type { SagaError } from '../saga-event.ts';
import type { ClaimedSaga } from '../saga-store.ts';

/** What the machine is told when a process goes on with a saga that it has claimed. */
export interface Takeover {
  readonly inputs: readonly MachineInput[];
  /** Whether the definition at hand can go on with the saga. */
  readonly fits: boolean;
}

/**
 * How to go on with a claimed saga under a definition: its own, or one that takes its version over. A migration is an input
 * like others, so that it becomes durable with the first commit or, when the process dies before, is made by the next.
 */
export function takeoverOf(
  definition: SagaDefinition,
  { lease, definitionVersion: fromVersion }: Pick<ClaimedSaga, 'lease' | 'definitionVersion'>,
  state: SagaState,
  now: Date,
): Takeover {
  // Token 1: nobody owned it before, so what its journal intends was never begun.
  const first: MachineInput = { kind: lease.token === 1n ? 'timer' : 'recovered' };
  const renamed =
    fromVersion === definition.version ? undefined : definition.migrateFrom.get(fromVersion);
  if (!fits(definition, renamed ? renamedState(state, definition, renamed, now) : state, now)) {
    const unfit: MachineInput = { kind: 'unfit', error: unfitError(definition, fromVersion) };
    return { inputs: [first, unfit], fits: false };
  }
  const migrated: MachineInput[] = renamed ? [{ kind: 'migrated', fromVersion, renamed }] : [];
  return { inputs: [first, ...migrated], fits: true };
}

/** The state after the renaming, its hash still that of the definition that it was begun under. */
function renamedState(
  state: SagaState,
  { version }: SagaDefinition,
  renamed: Readonly<Record<string, string>>,
  at: Date,
): SagaState {
  return evolve(state, {
    type: 'DefinitionMigrated',
    at,
    fromVersion: state.definitionVersion,
    toVersion: version,
    definitionHash: state.definitionHash,
    renamed,
  });
}

function unfitError({ name, version }: SagaDefinition, fromVersion: number): SagaError {
  return {
    code: 'SAGA_DEFINITION_CHANGED',
    message:
      fromVersion === version
        ? `Version ${version} of '${name}' was changed in a way this saga cannot go on with. Register the former definition under this version, then resume.`
        : `Version ${version} of '${name}' cannot go on with this saga of version ${fromVersion}. Register version ${fromVersion} as well, then resume.`,
    step: null,
  };
}
