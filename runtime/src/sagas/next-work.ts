import type { Direction } from './saga-event.ts';
import type { DirectionState, SagaState } from './saga-state.ts';
import { isSettled } from './saga-status.ts';
import type { SagaSummary } from './saga-store.ts';

/** An attempt that the journal says is running. */
export interface RunningAttempt {
  readonly path: string;
  readonly direction: Direction;
  readonly attempt: number;
  readonly deadlineAt: Date | null;
}

/** What the owner of a saga has to see to. */
export interface Work {
  /** Attempts that are to be running in the owner's process. */
  readonly running: readonly RunningAttempt[];
  /** When the machine wants to be told the time, if nothing else happens before; null: never. */
  readonly timerAt: Date | null;
  /** Whether an attempt waits for its time. */
  readonly waiting: boolean;
}

/** What is to be done about a saga in this state. */
export function nextWork(state: SagaState): Work {
  if (isSettled(state.status)) return { running: [], timerAt: null, waiting: false };
  const running: RunningAttempt[] = [];
  let timerMs = Infinity;
  let waiting = false;
  for (const { path, forward, compensate } of state.steps) {
    if (forward?.status === 'running') running.push(attemptOf(path, 'forward', forward));
    if (compensate?.status === 'running') running.push(attemptOf(path, 'compensate', compensate));
    const attempts = state.phase === 'forward' ? forward : compensate;
    if (attempts?.status === 'waiting') {
      waiting = true;
      timerMs = Math.min(timerMs, attempts.retryAt.getTime());
    }
  }
  if (state.phase === 'forward' && !state.cancelRequested && state.deadlineAt) {
    timerMs = Math.min(timerMs, state.deadlineAt.getTime());
  }
  return { running, timerAt: timerMs === Infinity ? null : new Date(timerMs), waiting };
}

function attemptOf(
  path: string,
  direction: Direction,
  attempts: Extract<DirectionState, { status: 'running' }>,
): RunningAttempt {
  return { path, direction, attempt: attempts.attempt, deadlineAt: attempts.deadlineAt };
}

/** What the store has to know of a saga in this state. */
export function summaryOf(state: SagaState, work: Work): SagaSummary {
  const sleeps = work.waiting && work.running.length === 0;
  return {
    status: state.status,
    currentStep: state.currentStep,
    error: state.failure ?? state.cause,
    // Whoever takes over something that runs, or could, has work at once.
    wakeAt: isSettled(state.status) ? null : sleeps ? work.timerAt : state.updatedAt,
    finishedAt: state.finishedAt,
  };
}
