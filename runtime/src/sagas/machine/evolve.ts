import type { Direction, SagaEvent } from '../saga-event.ts';
import {
  attemptCompleted,
  attemptFailed,
  attemptStarted,
  overridden,
  renewAttempts,
} from './evolve-attempts.ts';
import type { NodeMark, SagaState } from './saga-state.ts';
import { draftOf, placeOf, type StateDraft } from './state-draft.ts';

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
      return cancelRequested(draft);
    case 'SagaPaused':
      draft.paused = true;
      return;
    case 'SagaResumed':
      return resumed(draft, event);
    case 'InputEdited':
      draft.input = event.input;
      return;
    case 'StepOverridden':
      overridden(draft, event);
      endWait(draft, event.path, event.direction, 'elapsed', event.result);
      return goOn(draft);
    case 'RewindStarted':
      draft.phase = 'compensate';
      draft.rewindTo = event.path;
      draft.paused = false;
      return goOn(draft);
    case 'Rewound':
      return rewound(draft, event.path);
    case 'UndoRequested':
      draft.forced = event.forced;
      if (event.forced) draft.pastPivot = false;
      return;
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
    cancelRequested: false,
    paused: false,
    pastPivot: false,
    forced: false,
    rewindTo: null,
    rewinds: 0,
    parentTold: true,
    cause: null,
    failure: null,
    currentStep: null,
    steps: [],
    marks: [],
    signals: [],
  };
}

function finished(draft: StateDraft, status: 'completed' | 'compensated', at: Date): void {
  draft.status = status;
  draft.finishedAt = at;
  draft.currentStep = null;
  draft.parentTold = draft.parent === undefined;
}

/** It was stopped by its failure, and no more. */
function goOn(draft: StateDraft): void {
  draft.failure = null;
  if (draft.status === 'failed' || draft.rewindTo !== null) {
    draft.status = draft.phase === 'forward' ? 'running' : 'compensating';
  }
}

function cancelRequested(draft: StateDraft): void {
  // While undoing, a cancel asks for what is being done anyway, unless that was to be followed by doing it again.
  if (draft.phase === 'compensate' && draft.rewindTo === null) return;
  draft.cancelRequested = true;
  draft.paused = false;
  draft.failure = null;
  if (draft.status === 'failed') {
    draft.status = draft.phase === 'forward' ? 'running' : 'compensating';
  }
}

/** What gave up gets its retries anew, and the saga its time. */
function resumed(draft: StateDraft, event: EventOf<'SagaResumed'>): void {
  const { deadlineAt, startedAt, status } = draft;
  draft.paused = false;
  if (status !== 'failed') return;
  draft.status = draft.phase === 'forward' ? 'running' : 'compensating';
  draft.failure = null;
  if (deadlineAt) {
    draft.deadlineAt = new Date(event.at.getTime() + deadlineAt.getTime() - startedAt.getTime());
  }
  renewAttempts(draft, event.at);
  // A wait whose patience ended is patient again.
  draft.marks = draft.marks.filter((m) => m.kind !== 'wait' || m.ended?.outcome !== 'timed-out');
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

/** Everything from that step on was never begun. */
function rewound(draft: StateDraft, path: string): void {
  const from = placeOf(draft, path);
  draft.steps = draft.steps.slice(0, from);
  draft.marks = draft.marks.filter(({ after }) => after <= from);
  draft.rewindTo = null;
  draft.rewinds += 1;
  draft.phase = 'forward';
  draft.status = 'running';
}

function migrated(draft: StateDraft, event: EventOf<'DefinitionMigrated'>): void {
  draft.definitionVersion = event.toVersion;
  draft.definitionHash = event.definitionHash;
  const nameOf = (path: string): string => event.renamed[path] ?? path;
  draft.steps = draft.steps.map((step) => ({ ...step, path: nameOf(step.path) }));
  draft.marks = draft.marks.map((m) => ({ ...m, path: nameOf(m.path) }));
  if (draft.currentStep !== null) draft.currentStep = nameOf(draft.currentStep);
}
