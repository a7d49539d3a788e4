import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { SagaError } from '../saga-event.ts';
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
  const late = deadlineAt !== null && deadlineAt.getTime() <= now.getTime();
  if ((!cancelRequested && !late) || pivotOf(definition, state) !== 'before') return null;
  return cancelRequested
    ? { code: 'SAGA_CANCELLED', message: 'The saga was asked to stop.', step: null }
    : {
        code: 'SAGA_TIMED_OUT',
        message: `The saga was not completed by ${deadlineAt?.toISOString() ?? 'its time'}.`,
        step: null,
      };
}
