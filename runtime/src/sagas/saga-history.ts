import type { Direction, SagaError, SagaEvent } from './saga-event.ts';

/** One attempt, or one step that was passed over. */
export interface HistoryEntry {
  /** Path of the step. */
  readonly step: string;
  /** Whether it was being done or undone. */
  readonly kind: 'step' | 'compensation';
  readonly status:
    | 'running'
    | 'completed'
    | 'failed'
    | 'skipped'
    | 'compensating'
    | 'compensated'
    | 'compensation_failed'
    /** Left as it was: the saga was abandoned when the undo of another step gave up. */
    | 'not_compensated';
  /** 1, 2, … per step and kind; 0 when it was skipped, or left as it was. */
  readonly attempt: number;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly durationMs: number | null;
  readonly error: SagaError | null;
}

/** What happened to a saga, attempt by attempt, in the order they started. */
export interface SagaHistory {
  readonly sagaId: string;
  readonly history: readonly HistoryEntry[];
}

const RUNNING = { forward: 'running', compensate: 'compensating' } as const;
const COMPLETED = { forward: 'completed', compensate: 'compensated' } as const;
const FAILED = { forward: 'failed', compensate: 'compensation_failed' } as const;
const KIND: Readonly<Record<Direction, HistoryEntry['kind']>> = {
  forward: 'step',
  compensate: 'compensation',
};

interface PathEvent {
  readonly path: string;
  readonly direction: Direction;
}

function keyOf({ path, direction }: PathEvent): string {
  return `${path} ${direction}`;
}

function opened(event: PathEvent & { readonly at: Date }, attempt: number): HistoryEntry {
  return {
    step: event.path,
    kind: KIND[event.direction],
    status: RUNNING[event.direction],
    attempt,
    startedAt: event.at,
    finishedAt: null,
    durationMs: null,
    error: null,
  };
}

function waitError({ path, outcome, value }: Extract<SagaEvent, { type: 'WaitEnded' }>): SagaError {
  if (outcome === 'failed') {
    return { ...(value as { readonly error: SagaError }).error, step: path };
  }
  return outcome === 'timed-out'
    ? { code: 'SAGA_SIGNAL_TIMED_OUT', message: 'The signal did not come in time.', step: path }
    : { code: 'SAGA_CANCELLED', message: 'The saga turned round while it waited.', step: path };
}

function overriddenBy(event: Extract<SagaEvent, { type: 'StepOverridden' }>): SagaError {
  const { by = 'a person', reason, path } = event;
  return {
    code: 'SAGA_STEP_SKIPPED',
    message: `Skipped by ${by}${reason === undefined ? '' : `: ${reason}`}.`,
    step: path,
  };
}

/** Folds a journal into attempts. */
export function historyOf(events: Iterable<SagaEvent>): readonly HistoryEntry[] {
  const history: HistoryEntry[] = [];
  const open = new Map<string, number>();
  const finish = (
    event: PathEvent & { readonly at: Date },
    status: HistoryEntry['status'],
    error: SagaError | null,
  ): void => {
    const at = open.get(keyOf(event));
    const entry = at === undefined ? undefined : history[at];
    if (at === undefined || entry === undefined) return;
    history[at] = {
      ...entry,
      status,
      finishedAt: event.at,
      durationMs: event.at.getTime() - entry.startedAt.getTime(),
      error,
    };
  };
  /** A wait ends as skipped; an attempt that failed before stays what it was. */
  const skip = (event: Extract<SagaEvent, { type: 'StepOverridden' }>): void => {
    const at = open.get(keyOf(event));
    if (at === undefined || history[at]?.finishedAt !== null) {
      open.set(keyOf(event), history.length);
      history.push(opened(event, 0));
    }
    finish(event, 'skipped', overriddenBy(event));
    open.delete(keyOf(event));
  };
  /** What gave up shows so already; what was waited for, or never begun to be undone, is left. */
  const leave = (
    event: PathEvent & Pick<Extract<SagaEvent, { type: 'SagaAbandoned' }>, 'at' | 'error'>,
  ): void => {
    const at = open.get(keyOf(event));
    const entry = at === undefined ? undefined : history[at];
    if (entry?.status === 'compensation_failed') return;
    if (entry?.finishedAt !== null) {
      open.set(keyOf(event), history.length);
      history.push(opened(event, 0));
    }
    finish(event, 'not_compensated', {
      code: 'SAGA_ABANDONED',
      message: `Left as it was: the saga ended when an undo gave up (${event.error.step ?? event.error.code}).`,
      step: event.path,
    });
    open.delete(keyOf(event));
  };
  for (const event of events) {
    switch (event.type) {
      case 'AttemptStarted':
        open.set(keyOf(event), history.length);
        history.push(opened(event, event.attempt));
        break;
      case 'AttemptCompleted':
        finish(event, COMPLETED[event.direction], null);
        break;
      case 'AttemptFailed':
        finish(event, FAILED[event.direction], event.error);
        break;
      case 'WaitStarted':
        if (open.has(keyOf(event))) break;
        open.set(keyOf(event), history.length);
        history.push(opened(event, 1));
        break;
      case 'WaitEnded': {
        const inVain = event.outcome !== 'received' && event.outcome !== 'elapsed';
        const table = inVain ? FAILED : COMPLETED;
        finish(event, table[event.direction], inVain ? waitError(event) : null);
        // What is waited for again, after a resume or a rewind, is another wait.
        open.delete(keyOf(event));
        break;
      }
      case 'StepOverridden':
        skip(event);
        break;
      case 'SagaAbandoned':
        for (const path of event.remaining) leave({ ...event, path, direction: 'compensate' });
        break;
      case 'StepSkipped':
        history.push({
          step: event.path,
          kind: 'step',
          status: 'skipped',
          attempt: 0,
          startedAt: event.at,
          finishedAt: event.at,
          durationMs: 0,
          error: { code: 'SAGA_STEP_SKIPPED', message: event.reason, step: event.path },
        });
        break;
      case 'DefinitionMigrated': {
        // What is open goes on under its new name.
        const before = Array.from(open);
        open.clear();
        for (const [key, at] of before) {
          const [path = '', direction] = key.split(' ');
          const name = Object.hasOwn(event.renamed, path) ? event.renamed[path] : path;
          open.set(`${name} ${direction}`, at);
        }
        break;
      }
      case 'SagaStarted':
      case 'Decided':
      case 'SignalReceived':
      case 'CancelRequested':
      case 'SagaPaused':
      case 'SagaResumed':
      case 'InputEdited':
      case 'RewindStarted':
      case 'Rewound':
      case 'UndoRequested':
      case 'MessageIgnored':
      case 'CompensationStarted':
      case 'SagaCompleted':
      case 'SagaCompensated':
      case 'SagaFailed':
      case 'LocksTaken':
      case 'LocksAwaited':
      case 'ParentTold':
        // Of the saga, not of an attempt.
        break;
    }
  }
  return history;
}
