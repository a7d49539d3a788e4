import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { Direction, SagaError } from '../saga-event.ts';
import type { Draft } from './draft.ts';
import type { MachineInput } from './machine-input.ts';
import type { Moment } from './moment.ts';
import { nextWork } from './next-work.ts';
import { retryAt } from './retry-at.ts';
import { type SagaState, stepAt } from './saga-state.ts';

type Ended = Extract<MachineInput, { kind: 'attempt-completed' | 'attempt-failed' }>;

/** Writes down how an attempt ended, unless that was decided before. */
export function acceptAttempt(
  definition: SagaDefinition,
  draft: Draft,
  input: Ended,
  moment: Moment,
): void {
  if (!isRunning(draft.state, input)) return;
  if (input.kind === 'attempt-failed') return failed(definition, draft, input, moment);
  const { path, direction, attempt, result } = input;
  const at = moment.now;
  const completed = { type: 'AttemptCompleted', at, path, direction, attempt, result } as const;
  const isPivot = path === definition.pivot && direction === 'forward';
  draft.emit(isPivot ? { ...completed, pivot: true } : completed);
}

function isRunning(
  state: SagaState,
  at: { readonly path: string; readonly direction: Direction; readonly attempt: number },
): boolean {
  const attempts = stepAt(state, at.path)?.[at.direction];
  return attempts?.status === 'running' && attempts.attempt === at.attempt;
}

function failed(
  definition: SagaDefinition,
  draft: Draft,
  input: Extract<Ended, { kind: 'attempt-failed' }>,
  moment: Moment,
): void {
  const { path, direction, attempt, failure } = input;
  const error: SagaError = { ...failure.error, step: path };
  const { outcome } = failure;
  const { state } = draft;
  const at = moment.now;
  const forward = direction === 'forward';
  const stopping =
    forward && nextWork(definition, state, at).stop.some((order) => order.path === path);
  const next = stopping ? null : retryAt(definition, state, input, moment);
  // What cannot be undone any more, or may have become so, is for a person; so is a defect, unless the saga says otherwise.
  const pastReturn = state.pastPivot || (path === definition.pivot && outcome === 'unknown');
  const defective = failure.kind === 'defect' && definition.onDefect === 'pause';
  const pause = next === null && forward && !stopping && (pastReturn || defective);
  draft.emit({
    type: 'AttemptFailed',
    at,
    path,
    direction,
    attempt,
    outcome,
    error,
    retryAt: next,
    ...(pause && { pause }),
  });
}

/** Nothing is known of what ran when its process died; the same key makes it safe to try again at once. */
export function interrupted(definition: SagaDefinition, draft: Draft, at: Date): void {
  for (const { path, forward, compensate } of draft.state.steps.slice()) {
    for (const [direction, attempts] of [
      ['forward', forward],
      ['compensate', compensate],
    ] as const) {
      if (attempts?.status !== 'running') continue;
      const { attempt, interruptedInARow } = attempts;
      const stuck = interruptedInARow + 1 >= definition.maxInterruptions;
      const error: SagaError = {
        code: 'SAGA_STEP_INTERRUPTED',
        message: `The process that ran attempt ${attempt} died or lost its lease${stuck ? `, for the ${interruptedInARow + 1}th time in a row` : ''}.`,
        step: path,
      };
      draft.emit({
        type: 'AttemptFailed',
        at,
        path,
        direction,
        attempt,
        outcome: 'unknown',
        error,
        retryAt: stuck ? null : at,
        ...(stuck && { pause: true }),
      });
    }
  }
}
