import type { BufferedSignal, NodeMark, SagaState, StepState } from './saga-state.ts';

/**
 * A state that its holder alone knows of, on its way to the next: the fields may be set, the steps replaced one by one.
 * Copying once for a batch of events and then setting is many times faster than a spread for each.
 */
export type StateDraft = { -readonly [Key in keyof SagaState]: SagaState[Key] } & {
  steps: StepState[];
  marks: readonly NodeMark[];
  signals: readonly BufferedSignal[];
};

/** A copy to be changed, every field by name: the fastest copy there is. Steps themselves are never changed, only replaced. */
export function draftOf(state: SagaState): StateDraft {
  return {
    definition: state.definition,
    definitionVersion: state.definitionVersion,
    definitionHash: state.definitionHash,
    input: state.input,
    correlationId: state.correlationId,
    trace: state.trace,
    parent: state.parent,
    status: state.status,
    phase: state.phase,
    startedAt: state.startedAt,
    updatedAt: state.updatedAt,
    finishedAt: state.finishedAt,
    deadlineAt: state.deadlineAt,
    timeoutMs: state.timeoutMs,
    cancelRequested: state.cancelRequested,
    paused: state.paused,
    pausedAt: state.pausedAt,
    pastPivot: state.pastPivot,
    forced: state.forced,
    rewindTo: state.rewindTo,
    rewinds: state.rewinds,
    locks: state.locks,
    lock: state.lock,
    under: state.under,
    parentTold: state.parentTold,
    cause: state.cause,
    failure: state.failure,
    remaining: state.remaining,
    asked: state.asked,
    currentStep: state.currentStep,
    steps: state.steps.slice(),
    // Replaced as a whole, and seldom.
    marks: state.marks,
    signals: state.signals,
  };
}

/** Where a node stands among the steps, or would be added. */
export function placeOf(draft: StateDraft, path: string): number {
  const { steps } = draft;
  let at = 0;
  while (at < steps.length && steps[at]?.path !== path) at += 1;
  return at;
}
