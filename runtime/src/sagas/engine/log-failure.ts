import type { Logger } from '../../foundation/logger.ts';
import type { MachineInput } from '../machine/machine-input.ts';
import type { SagaState } from '../machine/saga-state.ts';
import { RetryLater } from '../failure.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { Settlement } from './running-attempt.ts';

/** The saga an attempt was part of. */
interface Subject {
  readonly sagaId: string;
  readonly definition: SagaDefinition;
  readonly state: SagaState;
}

/**
 * Tells the log of an attempt that failed, with the stack and the cause that the journal does not keep. What belongs to the
 * life of a saga, a refusal or a request to stop or to come later, is there for who looks for it (debug); all else warns.
 */
export function logFailure(
  logger: Logger,
  { sagaId, definition, state }: Subject,
  settlement: Settlement,
  end: MachineInput,
): void {
  if (end.kind !== 'attempt-failed') return;
  const { path, direction, attempt, failure } = end;
  const message = direction === 'forward' ? 'A step failed.' : 'An undo failed.';
  const { correlationId } = state;
  logger[isExpected(settlement, end.failure) ? 'debug' : 'warn'](message, {
    sagaId,
    definition: definition.name,
    step: path,
    attempt,
    correlationId,
    code: failure.error.code,
    error: settlement.kind === 'failed' ? settlement.thrown : failure.error,
  });
}

function isExpected(
  settlement: Settlement,
  { kind, error }: Extract<MachineInput, { kind: 'attempt-failed' }>['failure'],
): boolean {
  if (settlement.kind === 'given-up') return error.code !== 'SAGA_STEP_TIMED_OUT';
  return (
    kind === 'rejected' || (settlement.kind === 'failed' && settlement.thrown instanceof RetryLater)
  );
}
