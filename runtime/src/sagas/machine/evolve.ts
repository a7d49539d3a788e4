import type { Direction, SagaEvent } from '../saga-event.ts';
import {
  attemptCompleted,
  attemptFailed,
  attemptStarted,
  overridden,
  renewAttempts,
} from './evolve-attempts.ts';
import { migrated } from './migrated.ts';
import { rewindPlaceOf } from './rewind-place.ts';
import type { NodeMark, SagaState } from './saga-state.ts';
import { draftOf, type StateDraft } from './state-draft.ts';

type EventOf<Type extends SagaEvent['type']> = Extract<SagaEvent, { type: Type }>;

/** The state after one more event. The journal's first event needs no state before it. */
export function evolve(state: SagaState | undefined, event: SagaEvent): SagaState {
  if (event.type === 'SagaStarted') return started(event);
  if (state === undefined) throw new TypeError(`A journal cannot begin with ${event.type}.`);
  const draft = draftOf(state);
  apply(draft, event);
  return draft;
}

/** Changes a draft by one event. */
export function apply(draft: StateDraft, event: Exclude<SagaEvent, { type: 'SagaStarted' }>): void {
  draft.updatedAt = event.at;
  switch (event.type) {
    case 'AttemptStarted':
      return attemptStarted(draft, event);
    case 'AttemptCompleted':
      return attemptCompleted(draft, event);
    case 'AttemptFailed':
      return attemptFailed(draft, event);
    case 'Decided':
      return mark(draft, {
        kind: 'decision',
        path: event.path,
        after: draft.steps.length,
        branch: event.branch,
      });
    case 'WaitStarted':
      draft.currentStep = event.path;
      draft.status = draft.phase === 'forward' ? 'running' : 'compensating';
      return mark(draft, {
        kind: 'wait',
        path: event.path,
        after: draft.steps.length,
        direction: event.direction,
        until: event.until,
        ended: null,
      });
    case 'WaitEnded':
      return waitEnded(draft, event);
    case 'SignalReceived': {
      const { name, value, messageId } = event;
      draft.signals = [...draft.signals, { name, value, messageId }];
      return;
    }
    case 'CancelRequested':
      draft.asked = [...draft.asked, event.messageId];
      return cancelRequested(draft, event.at);
    case 'SagaPaused':
      draft.paused = true;
      draft.pausedAt = event.at;
      return;
    case 'SagaResumed':
      return resumed(draft, event);
    case 'InputEdited':
      draft.input = event.input;
      return;
    case 'StepOverridden':
      overridden(draft, event);
      skipWait(draft, event);
      return goOn(draft, event.at);
    case 'RewindStarted':
      draft.phase = 'compensate';
      draft.rewindTo = event.path;
      draft.cause = event.error;
      unpause(draft, event.at);
      return goOn(draft, event.at);
    case 'Rewound':
      return rewound(draft, event);
    case 'UndoRequested':
      draft.asked = [...draft.asked, event.messageId];
      draft.forced ||= event.forced;
      if (event.forced) draft.pastPivot = false;
      if (draft.status === 'abandoned') renewAttempts(draft, event.at);
      return unpause(draft, event.at);
    case 'CompensationStarted':
      draft.status = 'compensating';
      draft.phase = 'compensate';
      draft.cause = event.error;
      draft.failure = null;
      draft.finishedAt = null;
      return;
    case 'SagaCompleted':
      return finished(draft, 'completed', event.at);
    case 'SagaCompensated':
      draft.cause = event.error;
      return finished(draft, 'compensated', event.at);
    case 'SagaFailed':
      draft.status = 'failed';
      draft.failure = event.error;
      draft.remaining = event.remaining ?? [];
      return;
    case 'SagaAbandoned':
      draft.failure = event.error;
      draft.remaining = event.remaining;
      return finished(draft, 'abandoned', event.at);
    case 'LocksTaken':
      draft.lock = 'held';
      return;
    case 'LocksAwaited':
      draft.lock = 'waiting';
      return;
    case 'ParentTold':
      draft.parentTold = true;
      return;
    case 'DefinitionMigrated':
      return migrated(draft, event);
    case 'StepSkipped':
    case 'MessageIgnored':
    // For people who read the journal.
  }
}

function started(event: EventOf<'SagaStarted'>): SagaState {
  return {
    definition: event.definition,
    definitionVersion: event.definitionVersion,
    definitionHash: event.definitionHash,
    input: event.input,
    correlationId: event.correlationId,
    trace: event.trace,
    parent: event.parent,
    status: 'pending',
    phase: 'forward',
    startedAt: event.at,
    updatedAt: event.at,
    finishedAt: null,
    deadlineAt: event.deadlineAt,
    timeoutMs: event.deadlineAt && event.deadlineAt.getTime() - event.at.getTime(),
    cancelRequested: false,
    paused: false,
    pausedAt: null,
    pastPivot: false,
    forced: false,
    rewindTo: null,
    rewinds: 0,
    locks: event.locks ?? [],
    lock: event.locks ? 'waiting' : 'none',
    under: event.under ?? [],
    parentTold: true,
    cause: null,
    failure: null,
    remaining: [],
    asked: [],
    currentStep: null,
    steps: [],
    marks: [],
    signals: [],
  };
}

function finished(
  draft: StateDraft,
  status: 'completed' | 'compensated' | 'abandoned',
  at: Date,
): void {
  draft.status = status;
  draft.finishedAt = at;
  draft.currentStep = null;
  draft.paused = false;
  draft.pausedAt = null;
  draft.lock = 'none';
  draft.parentTold = draft.parent === undefined;
}

/** It was stopped by its failure, and no more. */
function goOn(draft: StateDraft, at: Date): void {
  if (draft.status === 'failed') renewDeadline(draft, at);
  draft.failure = null;
  if (draft.status === 'failed' || draft.rewindTo !== null) {
    draft.status = draft.phase === 'forward' ? 'running' : 'compensating';
  }
}

function cancelRequested(draft: StateDraft, at: Date): void {
  // While undoing, a cancel asks for what is being done anyway, unless that was to be followed by doing it again.
  if (draft.phase === 'compensate' && draft.rewindTo === null) return;
  draft.cancelRequested = true;
  unpause(draft, at);
  draft.failure = null;
  if (draft.status === 'failed') {
    draft.status = draft.phase === 'forward' ? 'running' : 'compensating';
  }
}

/** What gave up gets its retries anew, and the saga its time. */
function resumed(draft: StateDraft, event: EventOf<'SagaResumed'>): void {
  unpause(draft, event.at);
  if (draft.status !== 'failed') return;
  draft.status = draft.phase === 'forward' ? 'running' : 'compensating';
  draft.failure = null;
  renewDeadline(draft, event.at);
  renewAttempts(draft, event.at);
  renewWaits(draft);
}

/** A wait whose patience ended is patient again. While undoing those before stay what they are: a rewind goes back to one. */
function renewWaits(draft: StateDraft): void {
  const { phase } = draft;
  draft.marks = draft.marks.filter(
    (m) => m.kind !== 'wait' || m.direction !== phase || m.ended?.outcome !== 'timed-out',
  );
}

/** The time of a pause is not the saga's. */
function unpause(draft: StateDraft, at: Date): void {
  const { pausedAt, deadlineAt } = draft;
  draft.paused = false;
  draft.pausedAt = null;
  if (!pausedAt || !deadlineAt) return;
  draft.deadlineAt = new Date(deadlineAt.getTime() + at.getTime() - pausedAt.getTime());
}

/** How long it took a person to look is not the saga's time either. */
function renewDeadline(draft: StateDraft, at: Date): void {
  if (draft.timeoutMs !== null) draft.deadlineAt = new Date(at.getTime() + draft.timeoutMs);
}

function mark(draft: StateDraft, made: NodeMark): void {
  draft.marks = [...draft.marks, made];
}

function waitEnded(draft: StateDraft, event: EventOf<'WaitEnded'>): void {
  endWait(draft, event.path, event.direction, event.outcome, event.value);
  if (event.signalId !== undefined) {
    draft.signals = draft.signals.filter(({ messageId }) => messageId !== event.signalId);
  }
}

function endWait(
  draft: StateDraft,
  path: string,
  direction: Direction,
  outcome: EventOf<'WaitEnded'>['outcome'],
  value: unknown,
): void {
  draft.marks = draft.marks.map((m) =>
    m.kind === 'wait' && m.path === path && m.direction === direction
      ? { ...m, ended: { outcome, value } }
      : m,
  );
}

/**
 * A wait that a person ended, or one that was still to come: a child that was never started is not waited for either. What
 * was never begun by an attempt is a wait by itself.
 */
function skipWait(draft: StateDraft, event: EventOf<'StepOverridden'>): void {
  const { path, direction, result } = event;
  const isIt = (m: NodeMark): boolean =>
    m.kind === 'wait' && m.path === path && m.direction === direction;
  if (draft.marks.some(isIt)) return endWait(draft, path, direction, 'elapsed', result);
  const ended = { outcome: 'elapsed', value: result } as const;
  mark(draft, { kind: 'wait', path, direction, after: draft.steps.length, until: null, ended });
}

/**
 * Everything from that node on was never begun, but what other branches decided and waited for by themselves; what gave up
 * before it gets its retries anew, and the saga its time.
 */
function rewound(draft: StateDraft, { path, at, kept = [] }: EventOf<'Rewound'>): void {
  const place = rewindPlaceOf(draft, path);
  if (place) {
    const stays = (m: NodeMark): boolean =>
      (m.kind === 'decision' || m.direction === 'forward') && kept.includes(m.path);
    // Both by what was there before: marks are told apart by their order among themselves.
    const marks = draft.marks.filter((m) => place.keeps(m) || stays(m));
    draft.steps = draft.steps.slice(0, place.steps);
    // What stays comes before all that is begun from now on.
    draft.marks = marks.map((m) => (m.after > place.steps ? { ...m, after: place.steps } : m));
  }
  draft.rewindTo = null;
  draft.rewinds += 1;
  draft.phase = 'forward';
  draft.status = 'running';
  draft.cause = null;
  renewDeadline(draft, at);
  renewAttempts(draft, at);
  renewWaits(draft);
}
