import type { SagaStatus } from './saga-event.ts';

/** Every status there is. */
export const SAGA_STATUSES: readonly SagaStatus[] = [
  'pending',
  'running',
  'compensating',
  'completed',
  'compensated',
  'failed',
  'abandoned',
];

/** Whether a saga is over for good. */
export function isFinished(status: SagaStatus): boolean {
  return status === 'completed' || status === 'compensated' || status === 'abandoned';
}

/** Whether nothing more happens by itself: over, or waiting for a person. */
export function isSettled(status: SagaStatus): boolean {
  return status === 'failed' || isFinished(status);
}

/** Whether it gave up, and somebody should look: to let it go on, or to put right what it left. */
export function gaveUp(status: SagaStatus): boolean {
  return status === 'failed' || status === 'abandoned';
}
