import type { SagaEvent } from './saga-event.ts';
import { type DirectionState, type SagaState, stepAt, type StepState } from './saga-state.ts';

type EventOf<Type extends SagaEvent['type']> = Extract<SagaEvent, { type: Type }>;

/** The state after one more event. The journal's first event needs no state before it. */
export function evolve(state: SagaState | undefined, event: SagaEvent): SagaState {
  if (event.type === 'SagaStarted') return started(event);
  if (state === undefined) throw new TypeError(`A journal cannot begin with ${event.type}.`);
  switch (event.type) {
    case 'AttemptStarted':
      return attemptStarted(state, event);
    case 'AttemptCompleted':
      return attemptCompleted(state, event);
    case 'AttemptFailed':
      return attemptFailed(state, event);
    case 'StepSkipped':
      return { ...state, updatedAt: event.at };
    case 'CancelRequested':
      // While undoing, a cancel asks for what is being done anyway.
      return state.phase === 'compensate'
        ? { ...state, updatedAt: event.at }
        : {
            ...state,
            updatedAt: event.at,
            cancelRequested: true,
            status: state.status === 'failed' ? 'running' : state.status,
            failure: null,
          };
    case 'CompensationStarted':
      return {
        ...state,
        updatedAt: event.at,
        status: 'compensating',
        phase: 'compensate',
        cause: event.error,
        failure: null,
      };
    case 'SagaResumed':
      return resumed(state, event);
    case 'SagaCompleted':
      return { ...state, ...over(event.at), status: 'completed' };
    case 'SagaCompensated':
      return { ...state, ...over(event.at), status: 'compensated', cause: event.error };
    case 'SagaFailed':
      return { ...state, updatedAt: event.at, status: 'failed', failure: event.error };
  }
}

function over(at: Date): Pick<SagaState, 'updatedAt' | 'finishedAt' | 'currentStep'> {
  return { updatedAt: at, finishedAt: at, currentStep: null };
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

function attemptStarted(state: SagaState, event: EventOf<'AttemptStarted'>): SagaState {
  const before = stepAt(state, event.path) ?? untouched(event.path);
  const attempts = before[event.direction];
  const direction: DirectionState = {
    status: 'running',
    attempt: event.attempt,
    budgetFrom: attempts?.budgetFrom ?? 0,
    since: attempts && attempts.attempt > attempts.budgetFrom ? attempts.since : event.at,
    interruptions: attempts?.interruptions ?? 0,
    interruptedInARow: attempts?.interruptedInARow ?? 0,
    delayMs: attempts?.delayMs,
    deadlineAt: event.deadlineAt,
  };
  return {
    ...withStep(state, withDirection(before, event.direction, direction)),
    status: state.phase === 'forward' ? 'running' : 'compensating',
    updatedAt: event.at,
    currentStep: event.path,
  };
}

function attemptCompleted(state: SagaState, event: EventOf<'AttemptCompleted'>): SagaState {
  const before = stepAt(state, event.path);
  const attempts = before?.[event.direction];
  if (!before || !attempts) return state;
  const step = withDirection(before, event.direction, { ...attempts, status: 'done' });
  return {
    ...withStep(
      state,
      event.direction === 'forward' ? { ...step, outcome: 'done', result: event.result } : step,
    ),
    updatedAt: event.at,
  };
}

function attemptFailed(state: SagaState, event: EventOf<'AttemptFailed'>): SagaState {
  const before = stepAt(state, event.path);
  const attempts = before?.[event.direction];
  if (!before || !attempts) return state;
  const interrupted = event.error.code === 'SAGA_STEP_INTERRUPTED' ? 1 : 0;
  const counted = {
    ...attempts,
    interruptions: attempts.interruptions + interrupted,
    interruptedInARow: interrupted && attempts.interruptedInARow + 1,
  };
  const step = withDirection(
    before,
    event.direction,
    event.retryAt === null
      ? { ...counted, status: 'exhausted', error: event.error }
      : {
          ...counted,
          status: 'waiting',
          retryAt: event.retryAt,
          delayMs: interrupted ? attempts.delayMs : event.retryAt.getTime() - event.at.getTime(),
        },
  );
  // An attempt of which nothing is known may have had its effect, whatever a later attempt says.
  const outcome = step.outcome === 'unknown' ? 'unknown' : event.outcome;
  return {
    ...withStep(state, event.direction === 'forward' ? { ...step, outcome } : step),
    updatedAt: event.at,
  };
}

/** What gave up in the direction the saga was going gets its retries anew, and the saga its time. */
function resumed(state: SagaState, event: EventOf<'SagaResumed'>): SagaState {
  const renew = (attempts: DirectionState | null): DirectionState | null =>
    attempts?.status === 'exhausted'
      ? {
          status: 'waiting',
          retryAt: event.at,
          attempt: attempts.attempt,
          budgetFrom: attempts.attempt,
          since: event.at,
          interruptions: 0,
          interruptedInARow: 0,
          delayMs: undefined,
        }
      : attempts;
  return {
    ...state,
    updatedAt: event.at,
    status: state.phase === 'forward' ? 'running' : 'compensating',
    failure: null,
    deadlineAt:
      state.deadlineAt &&
      new Date(event.at.getTime() + state.deadlineAt.getTime() - state.startedAt.getTime()),
    steps: state.steps.map((step) => withDirection(step, state.phase, renew(step[state.phase]))),
  };
}

function untouched(path: string): StepState {
  return { path, forward: null, compensate: null, outcome: null, result: undefined };
}

function withDirection(
  step: StepState,
  direction: 'forward' | 'compensate',
  attempts: DirectionState | null,
): StepState {
  return direction === 'forward'
    ? { ...step, forward: attempts }
    : { ...step, compensate: attempts };
}

/** The nodes with this one in its place: where it was, or at the end, which makes the order that of the starts. */
function withStep(state: SagaState, step: StepState): SagaState {
  const at = state.steps.findIndex((other) => other.path === step.path);
  return { ...state, steps: at < 0 ? [...state.steps, step] : state.steps.with(at, step) };
}
