import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { Active, Failed, Walk } from '../nodes/node-handler.ts';
import type { SagaError } from '../saga-event.ts';
import { isSettled } from '../saga-status.ts';
import { abandonWaits } from './abandon-waits.ts';
import type { Draft } from './draft.ts';
import { GraphWalk, RewindWalk } from './graph-walk.ts';
import { keptMarks } from './kept-marks.ts';
import type { Moment } from './moment.ts';
import { type SagaState, stepAt } from './saga-state.ts';
import { pivotOf, runningInVain, stopReason } from './stop-reason.ts';

const unexplained: SagaError = {
  code: 'INTERNAL_ERROR',
  message: 'The saga is undone for no known reason.',
  step: null,
};

/** Walks the graph and writes down what follows: decisions, attempts to start, a change of direction, the end. */
export function advance(
  definition: SagaDefinition,
  sagaId: string,
  draft: Draft,
  moment: Moment,
): void {
  const { state } = draft;
  while (!isSettled(state.status)) {
    const goesOn =
      state.phase === 'forward'
        ? forward(definition, sagaId, draft, moment)
        : compensate(definition, sagaId, draft, moment);
    if (!goesOn) return;
  }
}

/** @returns whether to look again. */
function forward(
  definition: SagaDefinition,
  sagaId: string,
  draft: Draft,
  moment: Moment,
): boolean {
  const { state } = draft;
  const at = moment.now;
  const stop = stopReason(definition, state, at);
  if (state.lock === 'waiting' && !stop) return false;
  const progress = new GraphWalk(definition, sagaId, state, at).forward(definition.root);
  // A deadline that passes with nothing left to do is no reason to undo everything; a cancel that was accepted is.
  if (progress.kind === 'done' && !(stop && state.cancelRequested)) {
    draft.emit({ type: 'SagaCompleted', at });
    return true;
  }
  if (progress.kind === 'active') {
    // What still runs is told to stop by the orchestrator; undoing waits for it.
    if (progress.running && stop) return false;
    if (!stop) return begin(definition, draft, progress, moment);
  }
  if (!stop && progress.kind === 'failed') {
    if (mustPause(definition, state, progress)) {
      draft.emit({ type: 'SagaFailed', at, error: progress.error });
      return true;
    }
    // Whoever paused it decides first: skips the step, goes back before it, or resumes and lets it be undone.
    if (state.paused) return false;
  }
  const error = stop ?? (progress.kind === 'failed' ? progress.error : unexplained);
  abandonWaits(draft, at);
  draft.emit({ type: 'CompensationStarted', at, error });
  return true;
}

function mustPause(definition: SagaDefinition, state: SagaState, failed: Failed): boolean {
  return failed.pause || pivotOf(definition, state) !== 'before';
}

/** @returns whether to look again. */
function compensate(
  definition: SagaDefinition,
  sagaId: string,
  draft: Draft,
  moment: Moment,
): boolean {
  const { state } = draft;
  const at = moment.now;
  // Told to stop by the orchestrator: nothing is undone while it is being done.
  if (runningInVain(state).length > 0) return false;
  const walk =
    state.rewindTo === null
      ? new GraphWalk(definition, sagaId, state, at)
      : new RewindWalk(definition, sagaId, state, at);
  const progress = walk.compensate(definition.root);
  if (progress.kind === 'active') return begin(definition, draft, progress, moment);
  if (progress.kind === 'failed') {
    const remaining = remainingOf(definition, walk);
    const type = isFinal(definition, state, progress) ? 'SagaAbandoned' : 'SagaFailed';
    draft.emit({ type, at, error: progress.error, remaining });
  } else if (state.rewindTo === null) {
    draft.emit({ type: 'SagaCompensated', at, error: state.cause ?? unexplained });
  } else {
    const path = state.rewindTo;
    const kept = keptMarks(definition, state, path);
    draft.emit({ type: 'Rewound', at, path, ...(kept.length > 0 && { kept }) });
  }
  return true;
}

/** Whether a saga whose undoing gave up is over. Not while a person is at it, nor when nobody knows what takes its process down. */
function isFinal(definition: SagaDefinition, state: SagaState, { pause }: Failed): boolean {
  const { onCompensationFailure } = definition;
  return onCompensationFailure === 'fail' && !pause && !state.paused && state.rewindTo === null;
}

/** What is still to be undone, in the order of the definition: what was done before the saga comes first. */
function remainingOf(definition: SagaDefinition, walk: Walk): readonly string[] {
  return walk
    .leaves(definition.root)
    .filter((leaf) => walk.begun(leaf) && walk.compensate(leaf).kind !== 'done')
    .map(({ path }) => path);
}

/**
 * Begins what is to begin, unless the saga is paused, waits for its lock or is about to be given away.
 * @returns whether to look again, because something was written that needs no attempt.
 */
function begin(
  definition: SagaDefinition,
  draft: Draft,
  { notes, start }: Active,
  { now: at, hold }: Moment,
): boolean {
  if (hold || draft.state.paused || draft.state.lock === 'waiting') return false;
  for (const { path, direction } of start) {
    const attempts = stepAt(draft.state, path)?.[direction];
    const policy = definition.attempted.get(path)?.policy[direction];
    let deadlineMs = policy ? at.getTime() + policy.timeoutMs : Infinity;
    if (policy?.totalTimeoutMs && attempts && attempts.attempt > attempts.budgetFrom) {
      deadlineMs = Math.min(deadlineMs, attempts.since.getTime() + policy.totalTimeoutMs);
    }
    draft.emit({
      type: 'AttemptStarted',
      at,
      path,
      direction,
      attempt: (attempts?.attempt ?? 0) + 1,
      deadlineAt: Number.isFinite(deadlineMs) ? deadlineOf(deadlineMs) : null,
    });
  }
  for (const note of notes) {
    // Branches that wait for the same signal all see it; the first of them gets it.
    if (note.type === 'WaitEnded' && !isThere(draft.state, note.signalId)) continue;
    draft.emit({ ...note, at });
  }
  return notes.length > 0;
}

let lastDeadline = new Date(Number.NaN);

/** What is begun in the same millisecond and has as long shares a Date, which nobody changes. */
function deadlineOf(ms: number): Date {
  if (lastDeadline.getTime() !== ms) lastDeadline = new Date(ms);
  return lastDeadline;
}

function isThere({ signals }: SagaState, signalId: string | undefined): boolean {
  return signalId === undefined || signals.some(({ messageId }) => messageId === signalId);
}
