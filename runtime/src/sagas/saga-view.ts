import type { LockPlace, SagaDirectory } from './saga-directory.ts';
import type { SagaError, SagaStatus } from './saga-event.ts';
import { gaveUp } from './saga-status.ts';
import { resultsOf, type SagaState } from './machine/saga-state.ts';

/** A saga as the outside sees it. */
export interface SagaView {
  readonly sagaId: string;
  readonly definition: string;
  readonly definitionVersion: number;
  readonly status: SagaStatus;
  /** Whether it begins nothing more until it is resumed. */
  readonly paused: boolean;
  /** Path of the step being done or undone, or that gave up; null when there is none. */
  readonly currentStep: string | null;
  readonly input: unknown;
  /** Results of the steps that were done, by step; still there when they were undone since. */
  readonly results: Readonly<Record<string, unknown>>;
  /** The process that was asked has neither its version nor one that takes it over: it waits for one that has. */
  readonly versionMissing?: true;
  /** It was told something that whoever runs it has not taken in yet: more comes, also where it is settled. */
  readonly unheard?: true;
  readonly correlationId: string;
  /** Its keys, while it waits for them or holds them. */
  readonly lock: {
    readonly state: 'waiting' | 'held';
    readonly keys: readonly string[];
    /** Of one that waits: the keys that others have, whose they are, and how many come before it. Only where one saga is asked for. */
    readonly waitsFor?: readonly LockPlace[];
  } | null;
  readonly startedAt: Date;
  readonly updatedAt: Date;
  /** When it was completed or compensated. A failed saga is not finished: it can be resumed. */
  readonly finishedAt: Date | null;
  /** Why it failed, or was or is being undone. */
  readonly error: SagaError | null;
  /** Steps that were begun and are not undone, of a saga whose undoing gave up: `failed` or `abandoned`. */
  readonly remaining?: readonly string[];
}

/** What the outside sees of a state. */
export function viewOf(sagaId: string, state: SagaState): SagaView {
  return {
    sagaId,
    definition: state.definition,
    definitionVersion: state.definitionVersion,
    status: state.status,
    paused: state.paused,
    currentStep: state.currentStep,
    input: state.input,
    results: resultsOf(state),
    correlationId: state.correlationId,
    lock: lockOf(state),
    // Copies: within an engine Dates are shared.
    startedAt: new Date(state.startedAt),
    updatedAt: new Date(state.updatedAt),
    finishedAt: state.finishedAt && new Date(state.finishedAt),
    error: state.failure ?? state.cause,
    ...remainingOf(state),
  };
}

/** What is not undone, where the undoing gave up. */
export function remainingOf({
  status,
  remaining,
}: Pick<SagaState, 'status' | 'remaining'>): Pick<SagaView, 'remaining'> {
  return gaveUp(status) && remaining.length > 0 ? { remaining } : {};
}

/** Its keys, while it waits for them or holds them. */
export function lockOf({ lock, locks }: SagaState): SagaView['lock'] {
  return lock === 'none' ? null : { state: lock, keys: locks };
}

/** A view that says, of a saga that waits for its keys, who has them and how many come before it. */
export async function withLockPlaces(
  view: SagaView,
  store: Pick<SagaDirectory, 'lockPlaces'>,
): Promise<SagaView> {
  if (view.lock?.state !== 'waiting') return view;
  return { ...view, lock: { ...view.lock, waitsFor: await store.lockPlaces(view.sagaId) } };
}
