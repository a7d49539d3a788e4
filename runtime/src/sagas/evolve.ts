import type { SagaEvent } from './saga-event.ts';
import type { DirectionState, SagaState, StepState } from './saga-state.ts';

type EventOf<Type extends SagaEvent['type']> = Extract<SagaEvent, { type: Type }>;

/**
 * A state that its holder alone knows of, on its way to the next: the fields may be set, the steps replaced one by one.
 * Copying once for a batch of events and then setting is many times faster than a spread for each.
 */
export type StateDraft = { -readonly [Key in keyof SagaState]: SagaState[Key] } & {
  steps: StepState[];
};

/** The state after one more event. The journal's first event needs no state before it. */
export function evolve(state: SagaState | undefined, event: SagaEvent): SagaState {
  if (event.type === 'SagaStarted') return started(event);
  if (state === undefined) throw new TypeError(`A journal cannot begin with ${event.type}.`);
  const draft = draftOf(state);
  apply(draft, event);
  return draft;
}

/** A copy to be changed, every field by name: the fastest copy there is. Steps themselves are never changed, only replaced. */
export function draftOf(state: SagaState): StateDraft {
  return {
    definition: state.definition,
    definitionVersion: state.definitionVersion,
    definitionHash: state.definitionHash,
    input: state.input,
    correlationId: state.correlationId,
    trace: state.trace,
    status: state.status,
    phase: state.phase,
    startedAt: state.startedAt,
    updatedAt: state.updatedAt,
    finishedAt: state.finishedAt,
    deadlineAt: state.deadlineAt,
    cancelRequested: state.cancelRequested,
    cause: state.cause,
    failure: state.failure,
    currentStep: state.currentStep,
    steps: state.steps.slice(),
  };
}

/** Changes a draft by one event. */
export function apply(draft: StateDraft, event: Exclude<SagaEvent, { type: 'SagaStarted' }>): void {
  draft.updatedAt = event.at;
  switch (event.type) {
    case 'AttemptStarted':
      return attemptStarted(draft, event);
    case 'AttemptCompleted':
      return attemptCompleted(draft, event);
    case 'AttemptFailed':
      return attemptFailed(draft, event);
    case 'StepSkipped':
      return;
    case 'CancelRequested':
      // While undoing, a cancel asks for what is being done anyway.
      if (draft.phase === 'compensate') return;
      draft.cancelRequested = true;
      draft.failure = null;
      if (draft.status === 'failed') draft.status = 'running';
      return;
    case 'CompensationStarted':
      draft.status = 'compensating';
      draft.phase = 'compensate';
      draft.cause = event.error;
      draft.failure = null;
      return;
    case 'SagaResumed':
      return resumed(draft, event);
    case 'SagaCompleted':
      return finished(draft, 'completed', event.at);
    case 'SagaCompensated':
      draft.cause = event.error;
      return finished(draft, 'compensated', event.at);
    case 'SagaFailed':
      draft.status = 'failed';
      draft.failure = event.error;
  }
}

function started(event: EventOf<'SagaStarted'>): SagaState {
  return {
    definition: event.definition,
    definitionVersion: event.definitionVersion,
    definitionHash: event.definitionHash,
    input: event.input,
    correlationId: event.correlationId,
    trace: event.trace,
    status: 'pending',
    phase: 'forward',
    startedAt: event.at,
    updatedAt: event.at,
    finishedAt: null,
    deadlineAt: event.deadlineAt,
    cancelRequested: false,
    cause: null,
    failure: null,
    currentStep: null,
    steps: [],
  };
}

function finished(draft: StateDraft, status: 'completed' | 'compensated', at: Date): void {
  draft.status = status;
  draft.finishedAt = at;
  draft.currentStep = null;
}

function attemptStarted(draft: StateDraft, event: EventOf<'AttemptStarted'>): void {
  const at = placeOf(draft, event.path);
  const before = draft.steps[at];
  const attempts = before?.[event.direction];
  const running: DirectionState = {
    status: 'running',
    attempt: event.attempt,
    budgetFrom: attempts?.budgetFrom ?? 0,
    since: attempts && attempts.attempt > attempts.budgetFrom ? attempts.since : event.at,
    interruptions: attempts?.interruptions ?? 0,
    interruptedInARow: attempts?.interruptedInARow ?? 0,
    delayMs: attempts?.delayMs,
    deadlineAt: event.deadlineAt,
  };
  const forward = event.direction === 'forward';
  // A new node goes to the end, which makes the order of the steps that of their starts.
  draft.steps[at] = {
    path: event.path,
    forward: forward ? running : (before?.forward ?? null),
    compensate: forward ? (before?.compensate ?? null) : running,
    outcome: before?.outcome ?? null,
    result: before?.result,
  };
  draft.status = draft.phase === 'forward' ? 'running' : 'compensating';
  draft.currentStep = event.path;
}

function attemptCompleted(draft: StateDraft, event: EventOf<'AttemptCompleted'>): void {
  const at = placeOf(draft, event.path);
  const before = draft.steps[at];
  const attempts = before?.[event.direction];
  if (!before || !attempts) return;
  const done: DirectionState = {
    status: 'done',
    attempt: attempts.attempt,
    budgetFrom: attempts.budgetFrom,
    since: attempts.since,
    interruptions: attempts.interruptions,
    interruptedInARow: 0,
    delayMs: attempts.delayMs,
  };
  const forward = event.direction === 'forward';
  draft.steps[at] = {
    path: before.path,
    forward: forward ? done : before.forward,
    compensate: forward ? before.compensate : done,
    outcome: forward ? 'done' : before.outcome,
    result: forward ? event.result : before.result,
  };
}

function attemptFailed(draft: StateDraft, event: EventOf<'AttemptFailed'>): void {
  const at = placeOf(draft, event.path);
  const before = draft.steps[at];
  const attempts = before?.[event.direction];
  if (!before || !attempts) return;
  const interrupted = event.error.code === 'SAGA_STEP_INTERRUPTED' ? 1 : 0;
  const counted = {
    attempt: attempts.attempt,
    budgetFrom: attempts.budgetFrom,
    since: attempts.since,
    interruptions: attempts.interruptions + interrupted,
    interruptedInARow: interrupted && attempts.interruptedInARow + 1,
    delayMs: attempts.delayMs,
  };
  const { retryAt, error } = event;
  const failed: DirectionState =
    retryAt === null
      ? { ...counted, status: 'exhausted', error }
      : {
          ...counted,
          status: 'waiting',
          retryAt,
          delayMs: interrupted ? counted.delayMs : retryAt.getTime() - event.at.getTime(),
        };
  draft.steps[at] =
    event.direction === 'compensate'
      ? { ...before, compensate: failed }
      : {
          ...before,
          forward: failed,
          // An attempt of which nothing is known may have had its effect, whatever a later attempt says.
          outcome: before.outcome === 'unknown' ? 'unknown' : event.outcome,
        };
}

/** What gave up in the direction the saga was going gets its retries anew, and the saga its time. */
function resumed(draft: StateDraft, event: EventOf<'SagaResumed'>): void {
  const { phase, deadlineAt, startedAt } = draft;
  draft.status = phase === 'forward' ? 'running' : 'compensating';
  draft.failure = null;
  if (deadlineAt) {
    draft.deadlineAt = new Date(event.at.getTime() + deadlineAt.getTime() - startedAt.getTime());
  }
  for (const [at, step] of draft.steps.entries()) {
    const attempts = step[phase];
    if (attempts?.status !== 'exhausted') continue;
    const renewed: DirectionState = {
      status: 'waiting',
      retryAt: event.at,
      attempt: attempts.attempt,
      budgetFrom: attempts.attempt,
      since: event.at,
      interruptions: 0,
      interruptedInARow: 0,
      delayMs: undefined,
    };
    draft.steps[at] =
      phase === 'forward' ? { ...step, forward: renewed } : { ...step, compensate: renewed };
  }
}

/** Where a node stands among the steps, or would be added. */
function placeOf(draft: StateDraft, path: string): number {
  const at = draft.steps.findIndex((step) => step.path === path);
  return at < 0 ? draft.steps.length : at;
}
