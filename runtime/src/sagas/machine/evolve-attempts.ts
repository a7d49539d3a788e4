import type { SagaEvent } from '../saga-event.ts';
import type { DirectionState } from './saga-state.ts';
import { placeOf, type StateDraft } from './state-draft.ts';

type EventOf<Type extends SagaEvent['type']> = Extract<SagaEvent, { type: Type }>;

export function attemptStarted(draft: StateDraft, event: EventOf<'AttemptStarted'>): void {
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
    as: before?.as ?? event.path,
    forward: forward ? running : (before?.forward ?? null),
    compensate: forward ? (before?.compensate ?? null) : running,
    outcome: before?.outcome ?? null,
    result: before?.result,
    generation: before?.generation ?? draft.rewinds,
  };
  draft.status = draft.phase === 'forward' ? 'running' : 'compensating';
  draft.currentStep = event.path;
}

export function attemptCompleted(draft: StateDraft, event: EventOf<'AttemptCompleted'>): void {
  const at = placeOf(draft, event.path);
  const before = draft.steps[at];
  const attempts = before?.[event.direction];
  if (!before || !attempts) return;
  const done = doneAfter(attempts);
  const forward = event.direction === 'forward';
  draft.steps[at] = {
    path: before.path,
    as: before.as,
    forward: forward ? done : before.forward,
    compensate: forward ? before.compensate : done,
    outcome: forward ? 'done' : before.outcome,
    result: forward ? event.result : before.result,
    generation: before.generation,
  };
  if (event.pivot) draft.pastPivot = true;
}

export function attemptFailed(draft: StateDraft, event: EventOf<'AttemptFailed'>): void {
  const at = placeOf(draft, event.path);
  const before = draft.steps[at];
  const attempts = before?.[event.direction];
  if (!before || !attempts) return;
  const interrupted = event.error.code === 'SAGA_STEP_INTERRUPTED' ? 1 : 0;
  const interruptions = attempts.interruptions + interrupted;
  const interruptedInARow = interrupted && attempts.interruptedInARow + 1;
  const { retryAt, error, outcome } = event;
  const failed: DirectionState =
    retryAt === null
      ? {
          status: 'exhausted',
          attempt: attempts.attempt,
          budgetFrom: attempts.budgetFrom,
          since: attempts.since,
          interruptions,
          interruptedInARow,
          delayMs: attempts.delayMs,
          lastOutcome: outcome,
          error,
          failedAt: event.at,
          pause: event.pause ?? false,
        }
      : {
          status: 'waiting',
          attempt: attempts.attempt,
          budgetFrom: attempts.budgetFrom,
          since: attempts.since,
          interruptions,
          interruptedInARow,
          delayMs: interrupted ? attempts.delayMs : retryAt.getTime() - event.at.getTime(),
          lastOutcome: outcome,
          retryAt,
        };
  const forward = event.direction === 'forward';
  // An attempt of which nothing is known may have had its effect, whatever a later attempt says.
  const known = before.outcome === 'unknown' ? 'unknown' : outcome;
  draft.steps[at] = {
    path: before.path,
    as: before.as,
    forward: forward ? failed : before.forward,
    compensate: forward ? before.compensate : failed,
    outcome: forward ? known : before.outcome,
    result: before.result,
    generation: before.generation,
  };
}

/**
 * What gave up in the direction the saga was going gets its retries anew. A child that gave up is asked anew; so is one that was
 * still waited for when the saga was abandoned, for what it said since was not heard.
 */
export function renewAttempts(draft: StateDraft, at: Date): void {
  const { phase } = draft;
  const unheard = draft.status === 'abandoned';
  const inVain = new Set<string>();
  draft.marks = draft.marks.filter((mark) => {
    if (mark.kind !== 'wait' || mark.direction !== 'compensate' || phase === 'forward') return true;
    const vain = mark.ended?.outcome === 'failed' || (mark.ended === null && unheard);
    if (vain) inVain.add(mark.path);
    return !vain;
  });
  for (const [place, step] of draft.steps.entries()) {
    const attempts = step[phase];
    if (attempts?.status !== 'exhausted' && !(attempts && inVain.has(step.path))) continue;
    const renewed: DirectionState = {
      status: 'waiting',
      retryAt: at,
      attempt: attempts.attempt,
      budgetFrom: attempts.attempt,
      since: at,
      interruptions: 0,
      interruptedInARow: 0,
      delayMs: undefined,
      lastOutcome: attempts.status === 'exhausted' ? attempts.lastOutcome : 'failed',
    };
    draft.steps[place] =
      phase === 'forward' ? { ...step, forward: renewed } : { ...step, compensate: renewed };
  }
}

/** A person says how the attempts at a step are to be taken. */
export function overridden(draft: StateDraft, event: EventOf<'StepOverridden'>): void {
  if (event.pivot) draft.pastPivot = true;
  const at = placeOf(draft, event.path);
  const before = draft.steps[at];
  const attempts = before?.[event.direction];
  if (!before || !attempts) return;
  const done = doneAfter(attempts);
  // What is known of its effect stays as it was: should the saga be undone, the step is undone too.
  draft.steps[at] =
    event.direction === 'forward'
      ? { ...before, forward: done, result: event.result }
      : { ...before, compensate: done };
}

function doneAfter({
  attempt,
  budgetFrom,
  since,
  interruptions,
  delayMs,
}: DirectionState): DirectionState {
  return {
    status: 'done',
    attempt,
    budgetFrom,
    since,
    interruptions,
    interruptedInARow: 0,
    delayMs,
  };
}
