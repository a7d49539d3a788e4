import type { SagaStatus, JournalEntry, SagaDefinition } from 'potter-runtime/sagas';
import type { Fleet, FleetPlan } from './fleet.ts';
import type { World } from './world.ts';

/** A saga as the store has it, and the definition that it ended under. */
export interface CastMember {
  readonly sagaId: string;
  readonly definition: SagaDefinition<unknown, never>;
  readonly status: SagaStatus;
  readonly journal: readonly JournalEntry[];
}

/** The sagas of one simulation: what runs them, who starts them, and what must have become of them. */
export interface Cast {
  readonly plan: FleetPlan;
  /** Starts the sagas and tells them things, whoever is alive. */
  play(fleet: Fleet): Promise<void>;
  /** Nothing goes wrong any more: what is needed for every saga to come to its end. */
  settle(fleet: Fleet): void;
  readonly sagaIds: readonly string[];
  /** Whether a person has what was abandoned undone after all. */
  readonly undoesAbandoned: boolean;
  /** A saga and those within it that exist, in the order of their beginnings. */
  family(sagaId: string): Promise<readonly CastMember[]>;
  /** What else must hold at the end. */
  judge(family: readonly CastMember[]): void;
}

/** One saga as it stands. @returns undefined: there is none. */
export async function stored(
  { store }: World,
  sagaId: string,
  definitionOf: (version: number) => SagaDefinition<unknown, never>,
): Promise<CastMember | undefined> {
  const found = await store.load(sagaId);
  if (!found) return undefined;
  const definition = definitionOf(found.definitionVersion);
  const journal = await store.journal(sagaId);
  return { sagaId, definition, status: found.summary.status, journal };
}
