import type { TraceContext } from '../observability/tracer.ts';
import type { Direction, SagaError, SagaStatus } from './saga-event.ts';

interface Attempts {
  /** The latest attempt: 1, 2, …, never reset. */
  readonly attempt: number;
  /** The latest attempt before the saga was last resumed: retries are counted from there. */
  readonly budgetFrom: number;
  /** When the first attempt since then started. */
  readonly since: Date;
  /** Attempts since then whose process died. They are not counted as retries. */
  readonly interruptions: number;
  /** How many of them in a row. */
  readonly interruptedInARow: number;
  /** The delay before the latest attempt; undefined before there was one. */
  readonly delayMs: number | undefined;
}

/** Attempts at one node in one direction. */
export type DirectionState =
  | (Attempts & { readonly status: 'running'; readonly deadlineAt: Date | null })
  | (Attempts & { readonly status: 'waiting'; readonly retryAt: Date })
  | (Attempts & { readonly status: 'exhausted'; readonly error: SagaError })
  | (Attempts & { readonly status: 'done' });

/** What the journal says of one node that was begun. */
export interface StepState {
  readonly path: string;
  readonly forward: DirectionState | null;
  readonly compensate: DirectionState | null;
  /** Known of the doing so far: `unknown` stays until it is done. Null while the first attempt runs. */
  readonly outcome: 'done' | 'failed' | 'unknown' | null;
  readonly result: unknown;
}

/** A saga, folded from its journal. Never changed: every event makes a new one. */
export interface SagaState {
  readonly definition: string;
  readonly definitionVersion: number;
  readonly definitionHash: string;
  readonly input: unknown;
  readonly correlationId: string;
  readonly trace: TraceContext | undefined;
  readonly status: SagaStatus;
  /** Where it goes, or would go when resumed. */
  readonly phase: Direction;
  readonly startedAt: Date;
  readonly updatedAt: Date;
  readonly finishedAt: Date | null;
  readonly deadlineAt: Date | null;
  readonly cancelRequested: boolean;
  /** Why it is being undone. */
  readonly cause: SagaError | null;
  /** Why a person must look. */
  readonly failure: SagaError | null;
  /** Path of the node last begun; null when the saga is over. */
  readonly currentStep: string | null;
  /** Nodes that were begun, in start order: undone in reverse. */
  readonly steps: readonly StepState[];
}

/** What the journal says of the node at a path. Few nodes a saga: a scan beats a map that is copied at every event. */
export function stepAt(state: SagaState, path: string): StepState | undefined {
  return state.steps.find((step) => step.path === path);
}

/** Results of what is done, by path. */
export function resultsOf(state: SagaState): Readonly<Record<string, unknown>> {
  const results: Record<string, unknown> = {};
  for (const step of state.steps) {
    if (step.outcome === 'done') results[step.path] = step.result;
  }
  return results;
}
