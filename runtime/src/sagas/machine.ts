import type { TraceContext } from '../observability/tracer.ts';
import { apply, draftOf, evolve, type StateDraft } from './evolve.ts';
import type { Failure } from './failure.ts';
import { retryAt } from './machine-retry.ts';
import { handlerOf } from './nodes/handlers.ts';
import type { SagaNode } from './nodes/node.ts';
import type { Progress, Walk } from './nodes/node-handler.ts';
import type { SagaDefinition } from './saga-definition.ts';
import type { Direction, SagaError, SagaEvent } from './saga-event.ts';
import { isFinished, isSettled } from './saga-status.ts';
import { type SagaState, stepAt, type StepState } from './saga-state.ts';
import type { SagaMessage } from './saga-store.ts';

/** What the machine is told. */
export type MachineInput =
  | {
      readonly kind: 'attempt-completed';
      readonly path: string;
      readonly direction: Direction;
      readonly attempt: number;
      readonly result: unknown;
    }
  | {
      readonly kind: 'attempt-failed';
      readonly path: string;
      readonly direction: Direction;
      readonly attempt: number;
      readonly failure: Failure;
    }
  /** Time has passed. */
  | { readonly kind: 'timer' }
  | { readonly kind: 'message'; readonly message: SagaMessage }
  /** A new owner took over: whatever was running was interrupted. */
  | { readonly kind: 'recovered' }
  /** The definition at hand cannot go on with this journal. */
  | { readonly kind: 'unfit'; readonly error: SagaError };

/** What the machine takes from outside besides its inputs. */
export interface Moment {
  readonly now: Date;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  /** Start no attempts: the owner is about to give the saga away. */
  readonly hold?: boolean;
}

/** What is to be written, and the state once it is. */
export interface Transition {
  readonly events: readonly SagaEvent[];
  readonly state: SagaState;
}

/** Facts of a start that the machine does not make up. */
export interface Beginning {
  readonly input: unknown;
  readonly correlationId: string;
  readonly trace: TraceContext | undefined;
  /** Whether the writer goes on at once: then the first intents are part of it. */
  readonly owned: boolean;
}

/** The first events of a saga. */
export function begin(
  definition: SagaDefinition,
  beginning: Beginning,
  moment: Moment,
): Transition {
  const started: SagaEvent = {
    type: 'SagaStarted',
    at: moment.now,
    definition: definition.name,
    definitionVersion: definition.version,
    definitionHash: definition.hash,
    input: beginning.input,
    correlationId: beginning.correlationId,
    ...(beginning.trace && { trace: beginning.trace }),
    deadlineAt:
      definition.timeoutMs === null ? null : new Date(moment.now.getTime() + definition.timeoutMs),
  };
  const draft = new Draft(evolve(undefined, started), [started]);
  if (beginning.owned) advance(definition, draft, moment);
  return draft;
}

/**
 * What follows from inputs: the events to write in one commit, and the state after them. Inputs that are no longer true (the
 * result of an attempt that was given up) have no events. Pure: the same arguments give the same answer.
 */
export function transition(
  definition: SagaDefinition,
  state: SagaState,
  inputs: readonly MachineInput[],
  moment: Moment,
): Transition {
  const draft = new Draft(state, []);
  for (const input of inputs) accept(definition, draft, input, moment);
  advance(definition, draft, moment);
  return draft;
}

/** Why a saga that goes forward is to stop; null when it is not. */
export function stopReason(state: SagaState, now: Date): SagaError | null {
  if (state.phase !== 'forward') return null;
  if (state.cancelRequested) {
    return { code: 'SAGA_CANCELLED', message: 'The saga was asked to stop.', step: null };
  }
  if (state.deadlineAt && state.deadlineAt.getTime() <= now.getTime()) {
    return {
      code: 'SAGA_TIMED_OUT',
      message: `The saga was not completed by ${state.deadlineAt.toISOString()}.`,
      step: null,
    };
  }
  return null;
}

/** Whether a definition can go on with a journal that another form of it wrote. */
export function fits(definition: SagaDefinition, state: SagaState, now: Date): boolean {
  if (definition.hash === state.definitionHash) return true;
  if (state.steps.some((step) => !definition.attempted.has(step.path))) return false;
  const walk = new GraphWalk(definition, state, now);
  const fitsNode = (node: SagaNode): boolean => handlerOf(node).fits(node, walk, fitsNode);
  return fitsNode(definition.root);
}

/** Events written so far and the state they lead to. */
class Draft implements Transition {
  readonly state: StateDraft;
  readonly events: SagaEvent[];

  constructor(state: SagaState, events: SagaEvent[]) {
    this.state = draftOf(state);
    this.events = events;
  }

  emit(event: Exclude<SagaEvent, { type: 'SagaStarted' }>): void {
    this.events.push(event);
    apply(this.state, event);
  }
}

function accept(
  definition: SagaDefinition,
  draft: Draft,
  input: MachineInput,
  moment: Moment,
): void {
  const at = moment.now;
  switch (input.kind) {
    case 'timer':
      return;
    case 'attempt-completed': {
      const { path, direction, attempt, result } = input;
      if (!isRunning(draft.state, input)) return;
      return draft.emit({ type: 'AttemptCompleted', at, path, direction, attempt, result });
    }
    case 'attempt-failed':
      if (!isRunning(draft.state, input)) return;
      return attemptFailed(definition, draft, input, moment);
    case 'message':
      return message(draft, input.message, at);
    case 'recovered':
      return recovered(definition, draft, moment);
    case 'unfit':
      recovered(definition, draft, moment);
      if (draft.state.status !== 'failed') {
        draft.emit({ type: 'SagaFailed', at, error: input.error });
      }
  }
}

function isRunning(
  state: SagaState,
  at: { readonly path: string; readonly direction: Direction; readonly attempt: number },
): boolean {
  const attempts = stepAt(state, at.path)?.[at.direction];
  return attempts?.status === 'running' && attempts.attempt === at.attempt;
}

function attemptFailed(
  definition: SagaDefinition,
  draft: Draft,
  input: Extract<MachineInput, { kind: 'attempt-failed' }>,
  moment: Moment,
): void {
  const { path, direction, attempt, failure } = input;
  const error: SagaError = { ...failure.error, step: path };
  const stopping = direction === 'forward' && stopReason(draft.state, moment.now) !== null;
  const next = stopping ? null : retryAt(definition, draft.state, input, moment);
  const { outcome } = failure;
  const at = moment.now;
  draft.emit({
    type: 'AttemptFailed',
    at,
    path,
    direction,
    attempt,
    outcome,
    error,
    retryAt: next,
  });
  const paused = failure.kind === 'defect' && definition.onDefect === 'pause';
  if (next === null && paused && direction === 'forward' && !stopping) {
    draft.emit({ type: 'SagaFailed', at, error });
  }
}

function message(draft: Draft, { kind, messageId }: SagaMessage, at: Date): void {
  switch (kind) {
    case 'cancel':
      if (isFinished(draft.state.status)) return;
      return draft.emit({ type: 'CancelRequested', at, messageId });
    case 'resume':
      if (draft.state.status === 'failed') draft.emit({ type: 'SagaResumed', at, messageId });
  }
}

/** Nothing is known of what ran when its process died; the same key makes it safe to try again at once. */
function recovered(definition: SagaDefinition, draft: Draft, moment: Moment): void {
  const at = moment.now;
  for (const { path, forward, compensate } of draft.state.steps.slice()) {
    for (const [direction, attempts] of [
      ['forward', forward],
      ['compensate', compensate],
    ] as const) {
      if (attempts?.status !== 'running') continue;
      const { attempt, interruptedInARow } = attempts;
      const stuck = interruptedInARow + 1 >= definition.maxInterruptions;
      const error: SagaError = {
        code: 'SAGA_STEP_INTERRUPTED',
        message: `The process that ran attempt ${attempt} died or lost its lease${stuck ? `, for the ${interruptedInARow + 1}th time in a row` : ''}.`,
        step: path,
      };
      draft.emit({
        type: 'AttemptFailed',
        at,
        path,
        direction,
        attempt,
        outcome: 'unknown',
        error,
        retryAt: stuck ? null : at,
      });
      if (stuck) draft.emit({ type: 'SagaFailed', at, error });
    }
  }
}

/** Walks the graph and writes down what follows: attempts to start, a change of direction, the end. */
function advance(definition: SagaDefinition, draft: Draft, moment: Moment): void {
  const at = moment.now;
  const { state } = draft;
  const walk = new GraphWalk(definition, state, at);
  while (!isSettled(state.status)) {
    if (state.phase === 'compensate') {
      const progress = walk.compensate(definition.root);
      if (progress.kind === 'active') return start(definition, draft, progress, moment);
      const error = progress.kind === 'failed' ? progress.error : (state.cause ?? unexplained);
      return draft.emit({
        type: progress.kind === 'failed' ? 'SagaFailed' : 'SagaCompensated',
        at,
        error,
      });
    }
    const progress = walk.forward(definition.root);
    // A deadline that passes with nothing left to do is no reason to undo everything; a cancel that was accepted is.
    if (progress.kind === 'done' && !state.cancelRequested) {
      return draft.emit({ type: 'SagaCompleted', at });
    }
    const stop = stopReason(state, at);
    if (progress.kind === 'active' && (progress.running || !stop)) {
      // What still runs is told to stop by the orchestrator; undoing waits for it.
      return stop ? undefined : start(definition, draft, progress, moment);
    }
    const error = stop ?? (progress.kind === 'failed' ? progress.error : unexplained);
    draft.emit({ type: 'CompensationStarted', at, error });
  }
}

const unexplained: SagaError = {
  code: 'INTERNAL_ERROR',
  message: 'The saga is undone for no known reason.',
  step: null,
};

function start(
  definition: SagaDefinition,
  draft: Draft,
  progress: Extract<Progress, { kind: 'active' }>,
  { now: at, hold }: Moment,
): void {
  if (hold) return;
  for (const { path, direction } of progress.start) {
    const attempts = stepAt(draft.state, path)?.[direction];
    const policy = definition.attempted.get(path)?.policy[direction];
    let deadlineMs = policy ? at.getTime() + policy.timeoutMs : Infinity;
    if (policy?.totalTimeoutMs && attempts && attempts.attempt > attempts.budgetFrom) {
      deadlineMs = Math.min(deadlineMs, attempts.since.getTime() + policy.totalTimeoutMs);
    }
    draft.emit({
      type: 'AttemptStarted',
      at,
      path,
      direction,
      attempt: (attempts?.attempt ?? 0) + 1,
      deadlineAt: Number.isFinite(deadlineMs) ? new Date(deadlineMs) : null,
    });
  }
}

/** The graph of a definition as one state of a saga sees it. */
class GraphWalk implements Walk {
  readonly now: Date;
  readonly onCompensationFailure: 'pause' | 'continue';
  readonly #state: SagaState;

  constructor(definition: SagaDefinition, state: SagaState, now: Date) {
    this.now = now;
    this.onCompensationFailure = definition.onCompensationFailure;
    this.#state = state;
  }

  step(path: string): StepState | undefined {
    return stepAt(this.#state, path);
  }

  forward(node: SagaNode): Progress {
    return handlerOf(node).forward(node, this);
  }

  compensate(node: SagaNode): Progress {
    return handlerOf(node).compensate(node, this);
  }

  begun(node: SagaNode): boolean {
    return handlerOf(node).begun(node, this);
  }
}
