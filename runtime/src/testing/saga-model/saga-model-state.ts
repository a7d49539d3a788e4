import type { SagaDefinition } from '../../sagas/definition/saga-definition.ts';
import { SagaBeginnings } from './saga-beginnings.ts';
import type { Direction, SagaEvent, SagaStatus, WaitOutcome } from '../../sagas/saga-event.ts';

type EventOf<Type extends SagaEvent['type']> = Extract<SagaEvent, { type: Type }>;

/** Attempts at one node in one direction. */
export interface Tries {
  attempt: number;
  status: 'running' | 'waiting' | 'exhausted' | 'done';
  /** Earliest time of the next attempt, in milliseconds. */
  dueMs: number;
  /** Attempts that failed by themselves since the saga was last resumed. */
  failures: number;
  pause: boolean;
}

/** A wait at one node in one direction. */
export interface Wait {
  untilMs: number | null;
  /** Null while it goes on. */
  outcome: WaitOutcome | null;
  /** The child that was waited for ended undone. */
  compensated: boolean;
  /** It gave up its undoing. */
  abandoned: boolean;
  endedMs: number;
}

const ENDS = {
  SagaCompleted: 'completed',
  SagaCompensated: 'compensated',
  SagaAbandoned: 'abandoned',
} as const;

/** What a reader of a journal knows so far. Written from what events mean, not from the machine. */
export class SagaModelState {
  readonly #definition: SagaDefinition<unknown, never>;
  status: SagaStatus = 'pending';
  phase: Direction = 'forward';
  paused: boolean = false;
  #pausedMs = 0;
  cancelled: boolean = false;
  deadlineMs: number = Infinity;
  #timeoutMs: number | null = null;
  pastPivot: boolean = false;
  forced: boolean = false;
  rewindTo: string | null = null;
  hasParent: boolean = false;
  parentTold: boolean = true;
  #hasLocks = false;
  /** Where it stands to its keys. */
  lock: 'none' | 'waiting' | 'held' = 'none';
  /** An undoing was asked for after the end, and has not begun. */
  undoRequested: boolean = false;
  readonly begun: SagaBeginnings = new SagaBeginnings();
  readonly tries: Map<string, Tries> = new Map();
  readonly waits: Map<string, Wait> = new Map();
  readonly decisions: Map<string, string | null> = new Map();
  readonly completed: Set<string> = new Set();
  readonly skipped: Set<string> = new Set();
  /** Signals that nothing has waited for, oldest first. */
  signals: { readonly name: string; readonly messageId: string }[] = [];
  readonly heard: Set<string> = new Set();
  /** Whether the outcome of the latest attempt at the pivot is not known. */
  #pivotUnknown = false;

  constructor(definition: SagaDefinition<unknown, never>) {
    this.#definition = definition;
  }

  triesOf(path: string, direction: Direction): Tries | undefined {
    return this.tries.get(`${path} ${direction}`);
  }

  waitOf(path: string, direction: Direction): Wait | undefined {
    return this.waits.get(`${path} ${direction}`);
  }

  readonly startOf = (path: string): number => this.begun.steps.indexOf(path);

  isRunning(direction: Direction): boolean {
    return [...this.tries].some(
      ([key, { status }]) => status === 'running' && key.endsWith(` ${direction}`),
    );
  }

  /** Whether no way back is open any more, or it is not known. */
  get pivotPassedOrInDoubt(): boolean {
    if (this.pastPivot) return true;
    const { pivot } = this.#definition;
    const tries = pivot === null ? undefined : this.triesOf(pivot, 'forward');
    if (!tries || tries.status === 'done') return false;
    return tries.status === 'running' || this.#pivotUnknown;
  }

  /** Whether it is to stop instead of going on forward. */
  isStopped(at: Date): boolean {
    const late = !this.paused && this.deadlineMs <= at.getTime();
    return !this.pivotPassedOrInDoubt && (this.cancelled || late);
  }

  /** Whether it has to wait for its keys before anything is begun. */
  get needsLock(): boolean {
    return this.#hasLocks && this.lock !== 'held';
  }

  apply(event: SagaEvent): void {
    if ('messageId' in event) this.heard.add(event.messageId);
    const forgotten = this.begun.read(event);
    switch (event.type) {
      case 'SagaStarted':
        this.hasParent = event.parent !== undefined;
        this.#hasLocks = event.locks !== undefined;
        if (this.#hasLocks) this.lock = 'waiting';
        if (event.deadlineAt) {
          this.deadlineMs = event.deadlineAt.getTime();
          this.#timeoutMs = this.deadlineMs - event.at.getTime();
        }
        return;
      case 'AttemptStarted':
        return this.#attemptStarted(event);
      case 'AttemptCompleted':
        if (event.direction === 'forward') this.completed.add(event.path);
        if (event.pivot) this.pastPivot = true;
        this.#end(event.path, event.direction, 'done');
        return;
      case 'AttemptFailed':
        return this.#attemptFailed(event);
      case 'Decided':
        this.decisions.set(event.path, event.branch);
        return;
      case 'StepSkipped':
        this.skipped.add(event.path);
        return;
      case 'WaitStarted': {
        const key = `${event.path} ${event.direction}`;
        const untilMs = event.until?.getTime() ?? null;
        this.waits.set(key, {
          untilMs,
          outcome: null,
          compensated: false,
          abandoned: false,
          endedMs: Infinity,
        });
        this.#goOn();
        return;
      }
      case 'WaitEnded':
        return this.#waitEnded(event);
      case 'SignalReceived':
        this.signals.push({ name: event.name, messageId: event.messageId });
        return;
      case 'CancelRequested':
        if (this.phase === 'compensate' && this.rewindTo === null) return;
        this.cancelled = true;
        this.#unpause(event.at);
        if (this.status === 'failed') this.#goOn();
        return;
      case 'SagaPaused':
        this.paused = true;
        this.#pausedMs = event.at.getTime();
        return;
      case 'SagaResumed':
        return this.#resumed(event);
      case 'StepOverridden':
        return this.#overridden(event);
      case 'RewindStarted':
        this.phase = 'compensate';
        this.rewindTo = event.path;
        this.#unpause(event.at);
        this.#goOn();
        return;
      case 'Rewound':
        return this.#rewound(event, forgotten);
      case 'UndoRequested':
        this.undoRequested = true;
        this.forced ||= event.forced;
        if (this.status === 'abandoned') this.#renewTries(event.at);
        if (event.forced) this.pastPivot = false;
        this.#unpause(event.at);
        return;
      case 'CompensationStarted':
        this.phase = 'compensate';
        this.status = 'compensating';
        this.undoRequested = false;
        return;
      case 'SagaCompleted':
      case 'SagaCompensated':
      case 'SagaAbandoned':
        this.status = ENDS[event.type];
        this.parentTold = !this.hasParent;
        this.lock = 'none';
        this.paused = false;
        return;
      case 'SagaFailed':
        this.status = 'failed';
        return;
      case 'LocksTaken':
        this.lock = 'held';
        return;
      case 'LocksAwaited':
        this.lock = 'waiting';
        return;
      case 'ParentTold':
        this.parentTold = true;
        return;
      case 'InputEdited':
      case 'MessageIgnored':
      case 'DefinitionMigrated':
      // Nothing here depends on them.
    }
  }

  #goOn(): void {
    this.status = this.phase === 'forward' ? 'running' : 'compensating';
  }

  #attemptStarted({ path, direction, attempt }: EventOf<'AttemptStarted'>): void {
    const failures = this.triesOf(path, direction)?.failures ?? 0;
    this.tries.set(`${path} ${direction}`, {
      attempt,
      status: 'running',
      dueMs: 0,
      failures,
      pause: false,
    });
    this.#goOn();
  }

  #attemptFailed({
    path,
    direction,
    retryAt,
    pause,
    error,
    outcome,
  }: EventOf<'AttemptFailed'>): void {
    const tries = this.triesOf(path, direction);
    if (!tries) return;
    if (error.code !== 'SAGA_STEP_INTERRUPTED') tries.failures += 1;
    tries.status = retryAt ? 'waiting' : 'exhausted';
    tries.dueMs = retryAt?.getTime() ?? Infinity;
    tries.pause = pause ?? false;
    if (path === this.#definition.pivot) this.#pivotUnknown = outcome === 'unknown';
  }

  #end(path: string, direction: Direction, status: 'done'): void {
    const tries = this.triesOf(path, direction);
    if (tries) tries.status = status;
  }

  #waitEnded({ at, path, direction, outcome, value, signalId }: EventOf<'WaitEnded'>): void {
    const status = typeof value === 'object' && value && 'status' in value ? value.status : null;
    const compensated = status === 'compensated';
    const abandoned = status === 'abandoned';
    const wait = this.waitOf(path, direction);
    if (wait) Object.assign(wait, { outcome, compensated, abandoned, endedMs: at.getTime() });
    this.signals = this.signals.filter(({ messageId }) => messageId !== signalId);
  }

  #overridden({ at, path, direction }: EventOf<'StepOverridden'>): void {
    this.#end(path, direction, 'done');
    if (direction === 'forward' && path === this.#definition.pivot) this.pastPivot = true;
    const untilMs = null;
    const endedMs = at.getTime();
    this.waits.set(`${path} ${direction}`, {
      untilMs,
      outcome: 'elapsed',
      compensated: false,
      abandoned: false,
      endedMs,
    });
    if (this.status !== 'failed') return;
    this.#renewDeadline(at);
    this.#goOn();
  }

  #resumed({ at }: EventOf<'SagaResumed'>): void {
    this.#unpause(at);
    if (this.status !== 'failed') return;
    this.#goOn();
    this.#renewDeadline(at);
    this.#renewTries(at);
    this.#renewWaits();
  }

  #rewound({ at }: EventOf<'Rewound'>, forgotten: ReturnType<SagaBeginnings['read']>): void {
    for (const path of forgotten.steps) {
      this.tries.delete(`${path} forward`);
      this.tries.delete(`${path} compensate`);
      this.completed.delete(path);
    }
    for (const key of forgotten.others) {
      this.waits.delete(key);
      this.decisions.delete(key);
      this.skipped.delete(key);
    }
    this.rewindTo = null;
    this.phase = 'forward';
    this.status = 'running';
    this.#renewDeadline(at);
    this.#renewTries(at);
    this.#renewWaits();
  }

  /** A wait whose patience ended, in the direction in which the saga goes, is patient again. */
  #renewWaits(): void {
    for (const [key, { outcome }] of this.waits) {
      if (outcome !== 'timed-out' || !key.endsWith(` ${this.phase}`)) continue;
      this.waits.delete(key);
      this.begun.drop(key);
    }
  }

  /** The time of a pause is not the saga's. */
  #unpause(at: Date): void {
    if (this.paused) this.deadlineMs += at.getTime() - this.#pausedMs;
    this.paused = false;
  }

  #renewDeadline(at: Date): void {
    if (this.#timeoutMs !== null) this.deadlineMs = at.getTime() + this.#timeoutMs;
  }

  #renewTries(at: Date): void {
    for (const [key, { outcome }] of this.waits) {
      if (this.phase === 'forward' || !key.endsWith(' compensate')) continue;
      // What a child says when this saga is over is not heard.
      if (outcome !== 'failed' && !(outcome === null && this.status === 'abandoned')) continue;
      this.waits.delete(key);
      const tries = this.tries.get(key);
      if (tries) tries.status = 'exhausted';
    }
    for (const [key, tries] of this.tries) {
      if (tries.status !== 'exhausted' || !key.endsWith(` ${this.phase}`)) continue;
      Object.assign(tries, { status: 'waiting', dueMs: at.getTime(), failures: 0, pause: false });
    }
  }
}
