import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { SagaError } from '../saga-event.ts';
import { rewindPlaceOf } from './rewind-place.ts';
import { type SagaState, stepAt } from './saga-state.ts';

/** Where a saga stands to its point of no return. In doubt: it is being done, or nobody knows whether it was. */
export function pivotOf(
  definition: Pick<SagaDefinition, 'pivot'>,
  state: SagaState,
): 'before' | 'in-doubt' | 'passed' {
  if (state.pastPivot) return 'passed';
  if (definition.pivot === null) return 'before';
  const attempts = stepAt(state, definition.pivot)?.forward;
  switch (attempts?.status) {
    case 'running':
      return 'in-doubt';
    case 'waiting':
    case 'exhausted':
      return attempts.lastOutcome === 'unknown' ? 'in-doubt' : 'before';
    case 'done':
    case undefined:
      return 'before';
  }
}

/** Why a saga that goes forward is to stop; null when it is not. From its pivot on it never is. */
export function stopReason(
  definition: Pick<SagaDefinition, 'pivot'>,
  state: SagaState,
  now: Date,
): SagaError | null {
  if (state.phase !== 'forward') return null;
  const { cancelRequested, deadlineAt } = state;
  const late = !state.paused && deadlineAt !== null && deadlineAt.getTime() <= now.getTime();
  if ((!cancelRequested && !late) || pivotOf(definition, state) !== 'before') return null;
  return cancelRequested
    ? { code: 'SAGA_CANCELLED', message: 'The saga was asked to stop.', step: null }
    : {
        code: 'SAGA_TIMED_OUT',
        message: `The saga was not completed by ${deadlineAt?.toISOString() ?? 'its time'}.`,
        step: null,
      };
}

const NONE: readonly never[] = [];

/**
 * Paths of the steps that are still being done although they are to be undone: a person turned the saga round in the middle
 * of them. Undoing waits until they have ended.
 */
export function runningInVain(state: SagaState): readonly string[] {
  if (state.phase !== 'compensate') return NONE;
  const { steps, rewindTo } = state;
  if (!steps.some(({ forward }) => forward?.status === 'running')) return NONE;
  const from = rewindTo === null ? 0 : (rewindPlaceOf(state, rewindTo)?.steps ?? 0);
  return steps
    .slice(from)
    .filter(({ forward }) => forward?.status === 'running')
    .map(({ path }) => path);
}
