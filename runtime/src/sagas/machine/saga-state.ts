import type { TraceContext } from '../../observability/tracer.ts';
import type {
  Direction,
  FailedOutcome,
  ParentLink,
  SagaError,
  SagaStatus,
  WaitOutcome,
} from '../saga-event.ts';

interface Attempts {
  /** The latest attempt: 1, 2, … */
  readonly attempt: number;
  /** The latest attempt before the saga was last resumed: retries are counted from there. */
  readonly budgetFrom: number;
  /** When the first attempt since then started. */
  readonly since: Date;
  /** Attempts since then whose process died. They are not counted as retries. */
  readonly interruptions: number;
  /** How many of them in a row. */
  readonly interruptedInARow: number;
  /** The delay before the latest attempt; undefined before there was one. */
  readonly delayMs: number | undefined;
}

/** Attempts at one node in one direction. */
export type DirectionState =
  | (Attempts & { readonly status: 'running'; readonly deadlineAt: Date | null })
  | (Attempts & {
      readonly status: 'waiting';
      readonly retryAt: Date;
      /** What is known of the latest attempt alone. */
      readonly lastOutcome: FailedOutcome;
    })
  | (Attempts & {
      readonly status: 'exhausted';
      readonly error: SagaError;
      readonly lastOutcome: FailedOutcome;
      readonly failedAt: Date;
      /** A person decides what comes next. */
      readonly pause: boolean;
    })
  | (Attempts & { readonly status: 'done' });

/** What the journal says of one node that was begun by an attempt. */
export interface StepState {
  readonly path: string;
  /** The name under which it was begun: part of its keys, whatever it is called since. */
  readonly as: string;
  readonly forward: DirectionState | null;
  readonly compensate: DirectionState | null;
  /** Known of the doing so far: `unknown` stays until it is done. Null while the first attempt runs. */
  readonly outcome: 'done' | 'failed' | 'unknown' | null;
  readonly result: unknown;
  /** How often the saga had been rewound when it was begun: part of its key. */
  readonly generation: number;
}

interface Mark {
  readonly path: string;
  /** How many steps had been begun when it was made: its place in their order. */
  readonly after: number;
}

/** What the journal says of a node that is passed without an attempt. */
export type NodeMark =
  | (Mark & { readonly kind: 'decision'; readonly branch: string | null })
  | (Mark & {
      readonly kind: 'wait';
      readonly direction: Direction;
      /** When it ends by itself; null: never. */
      readonly until: Date | null;
      /** Null while it goes on. */
      readonly ended: { readonly outcome: WaitOutcome; readonly value: unknown } | null;
    });

/** A signal that nothing has waited for yet. */
export interface BufferedSignal {
  readonly name: string;
  readonly value: unknown;
  readonly messageId: string;
}

/** A saga, folded from its journal. Never changed: every event makes a new one. */
export interface SagaState {
  readonly definition: string;
  readonly definitionVersion: number;
  readonly definitionHash: string;
  readonly input: unknown;
  readonly correlationId: string;
  readonly trace: TraceContext | undefined;
  readonly parent: ParentLink | undefined;
  readonly status: SagaStatus;
  /** Where it goes, or would go when resumed. */
  readonly phase: Direction;
  readonly startedAt: Date;
  readonly updatedAt: Date;
  readonly finishedAt: Date | null;
  readonly deadlineAt: Date | null;
  /** Time for the whole saga, in milliseconds: what it gets anew when a person lets it go on after it failed. */
  readonly timeoutMs: number | null;
  readonly cancelRequested: boolean;
  /** No attempt is begun until it is resumed. */
  readonly paused: boolean;
  /** Since when; its deadline moves by as long. */
  readonly pausedAt: Date | null;
  /** Its pivot is done: it goes forward only. */
  readonly pastPivot: boolean;
  /** Undone although it had passed its pivot. */
  readonly forced: boolean;
  /** While it is undone to be done again from here: the path of that step. */
  readonly rewindTo: string | null;
  /** How often it was rewound. */
  readonly rewinds: number;
  /** Keys that it holds while it is under way; sorted. */
  readonly locks: readonly string[];
  /** Where it stands to them: it begins no attempt while it waits. `none`: it has no keys, or is over. */
  readonly lock: 'none' | 'waiting' | 'held';
  /** Keys that the sagas around it hold for it. */
  readonly under: readonly string[];
  /** Whether its parent knows how it ended; true when it has none or did not end. */
  readonly parentTold: boolean;
  /** Why it is being undone. */
  readonly cause: SagaError | null;
  /** Why a person must look, or why it was abandoned. */
  readonly failure: SagaError | null;
  /** What is not undone, of a saga that gave up while undoing; of the last time it did. */
  readonly remaining: readonly string[];
  /** Messages that asked for it to be undone. */
  readonly asked: readonly string[];
  /** Path of the node last begun; null when the saga is over. */
  readonly currentStep: string | null;
  /** Nodes that were begun by an attempt, in start order: undone in reverse. */
  readonly steps: readonly StepState[];
  /** Nodes that are passed without one: decisions and waits. */
  readonly marks: readonly NodeMark[];
  readonly signals: readonly BufferedSignal[];
}

/** What the journal says of the node at a path. Few nodes a saga: a scan beats a map that is copied at every event. */
export function stepAt(state: SagaState, path: string): StepState | undefined {
  for (const step of state.steps) if (step.path === path) return step;
  return undefined;
}

/** The decision taken at a path. */
export function decisionAt(
  state: SagaState,
  path: string,
): Extract<NodeMark, { kind: 'decision' }> | undefined {
  for (const mark of state.marks) {
    if (mark.kind === 'decision' && mark.path === path) return mark;
  }
  return undefined;
}

/** The wait at a path in one direction. */
export function waitAt(
  state: SagaState,
  path: string,
  direction: Direction,
): Extract<NodeMark, { kind: 'wait' }> | undefined {
  for (const mark of state.marks) {
    if (mark.kind === 'wait' && mark.path === path && mark.direction === direction) return mark;
  }
  return undefined;
}

/** Results of what is done, by path: those of steps, and what waits brought. */
export function resultsOf(state: SagaState): Readonly<Record<string, unknown>> {
  const results: Record<string, unknown> = {};
  for (const step of state.steps) {
    if (step.forward?.status === 'done') results[step.path] = step.result;
  }
  for (const mark of state.marks) {
    if (mark.kind !== 'wait' || mark.direction !== 'forward' || mark.ended === null) continue;
    if (mark.ended.value !== undefined) results[mark.path] = mark.ended.value;
  }
  return results;
}

/** Keys that whatever is begun here need not wait for. */
export function heldBy({ locks, under }: SagaState): readonly string[] {
  return [...locks, ...under];
}
