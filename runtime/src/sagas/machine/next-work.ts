import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { Direction, SagaError } from '../saga-event.ts';
import { isSettled } from '../saga-status.ts';
import type { SagaSummary } from '../saga-store.ts';
import { acceptableMessages } from './acceptable-messages.ts';
import { GraphWalk } from './graph-walk.ts';
import type { DirectionState, SagaState } from './saga-state.ts';
import { pivotOf, runningInVain, stopReason } from './stop-reason.ts';

/** An attempt that the journal says is running. */
export interface RunningAttempt {
  readonly path: string;
  readonly direction: Direction;
  readonly attempt: number;
  readonly deadlineAt: Date | null;
}

/** An attempt that is to be told to stop, and why. */
export interface StopOrder {
  readonly path: string;
  readonly error: SagaError;
}

/** What the owner of a saga has to see to. */
export interface Work {
  /** Attempts that are to be running in the owner's process. */
  readonly running: readonly RunningAttempt[];
  /** Those of them that go forward in vain. */
  readonly stop: readonly StopOrder[];
  /** When the machine wants to be told the time, if nothing else happens before; null: never. */
  readonly timerAt: Date | null;
  /** Whether something waits for a time, a message or a person. */
  readonly waiting: boolean;
  /** Whether the saga that began this one is to be told how it ended. */
  readonly tellParent: boolean;
}

const NOTHING: readonly never[] = [];
const IDLE: Work = {
  running: NOTHING,
  stop: NOTHING,
  timerAt: null,
  waiting: false,
  tellParent: false,
};
const TELL_PARENT: Work = { ...IDLE, tellParent: true };

/** What is to be done about a saga in this state. */
export function nextWork(definition: SagaDefinition, state: SagaState, now: Date): Work {
  if (isSettled(state.status)) return state.parentTold ? IDLE : TELL_PARENT;
  let running: readonly RunningAttempt[] = NOTHING;
  const forward = state.phase === 'forward';
  let timerMs = Infinity;
  const halted = state.paused || state.lock === 'waiting';
  let waiting = halted;
  for (const step of state.steps) {
    // Mostly there is one: an array that grows takes room for many.
    if (step.forward?.status === 'running') {
      running = [...running, attemptOf(step.path, 'forward', step.forward)];
    }
    if (step.compensate?.status === 'running') {
      running = [...running, attemptOf(step.path, 'compensate', step.compensate)];
    }
    const attempts = forward ? step.forward : step.compensate;
    if (attempts?.status === 'waiting' && !halted) {
      waiting = true;
      timerMs = Math.min(timerMs, attempts.retryAt.getTime());
    }
  }
  for (const mark of state.marks) {
    if (mark.kind !== 'wait' || mark.ended !== null || mark.direction !== state.phase) continue;
    waiting = true;
    if (mark.until !== null && !halted) timerMs = Math.min(timerMs, mark.until.getTime());
  }
  const stop = stopReason(definition, state, now);
  if (stop === null && forward && state.deadlineAt && !state.paused) {
    // From the pivot on nobody looks at the deadline any more.
    if (pivotOf(definition, state) === 'before') {
      timerMs = Math.min(timerMs, state.deadlineAt.getTime());
    }
  }
  return {
    running,
    stop: running.length > 0 ? stopOrders(definition, state, stop, running, now) : NOTHING,
    timerAt: timerMs === Infinity ? null : new Date(timerMs),
    waiting,
    tellParent: false,
  };
}

function stopOrders(
  definition: SagaDefinition,
  state: SagaState,
  stop: SagaError | null,
  running: readonly RunningAttempt[],
  now: Date,
): readonly StopOrder[] {
  if (state.phase === 'compensate') {
    const { cause } = state;
    return cause ? runningInVain(state).map((path) => ({ path, error: cause })) : NOTHING;
  }
  if (stop) return running.map(({ path }) => ({ path, error: stop }));
  // Without branches nothing can fail while something else runs.
  if (!definition.isParallel) return NOTHING;
  if (!state.steps.some(({ forward }) => forward?.status === 'exhausted')) return NOTHING;
  const progress = new GraphWalk(definition, '', state, now).forward(definition.root);
  return progress.kind === 'active' ? progress.stop : NOTHING;
}

function attemptOf(
  path: string,
  direction: Direction,
  attempts: Extract<DirectionState, { status: 'running' }>,
): RunningAttempt {
  return { path, direction, attempt: attempts.attempt, deadlineAt: attempts.deadlineAt };
}

/** What the store has to know of a saga in this state. */
export function summaryOf(
  definition: Pick<SagaDefinition, 'pivot'>,
  state: SagaState,
  work: Work,
): SagaSummary {
  const sleeps = work.waiting && work.running.length === 0;
  const over = isSettled(state.status) && !work.tellParent;
  return {
    status: state.status,
    currentStep: state.currentStep,
    error: state.failure ?? state.cause,
    // Whoever takes over something that runs, or could, has work at once.
    wakeAt: over ? null : sleeps ? work.timerAt : state.updatedAt,
    finishedAt: state.finishedAt,
    accepts: acceptableMessages(definition, state),
  };
}
