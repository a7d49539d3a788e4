import type { SagaStatus } from './saga-event.ts';

/** Whether a saga is over for good. */
export function isFinished(status: SagaStatus): boolean {
  return status === 'completed' || status === 'compensated';
}

/** Whether nothing more happens by itself: over, or waiting for a person. */
export function isSettled(status: SagaStatus): boolean {
  return status === 'failed' || isFinished(status);
}
