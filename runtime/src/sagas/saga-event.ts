import type { ErrorDescription } from '../errors/describe-error.ts';
import type { TraceContext } from '../observability/tracer.ts';

/**
 * Where a saga stands, as its owner sees it:
 * - `pending`: accepted, and not begun: no process has taken it yet, or it waits for its lock,
 * - `running`: going forward,
 * - `compensating`: undoing what was or may have been done,
 * - `completed`: over, every step done,
 * - `compensated`: over, everything undone; the error tells why,
 * - `failed`: a compensation gave up; a person must look, then resume,
 * - `abandoned`: over, undone in part: a compensation gave up, and the definition says to end there (`onCompensationFailure:
 *   'fail'`). `remaining` names what is left; only an `undo` tries it again.
 */
export type SagaStatus =
  | 'pending'
  | 'running'
  | 'compensating'
  | 'completed'
  | 'compensated'
  | 'failed'
  | 'abandoned';

/** Doing a step, or undoing it. */
export type Direction = 'forward' | 'compensate';

/**
 * What is known of an attempt that did not complete:
 * - `failed`: the step itself said so,
 * - `unknown`: it timed out, was abandoned, or its process died: the effect may have happened.
 */
export type FailedOutcome = 'failed' | 'unknown';

/** An error as the journal keeps it. */
export interface SagaError extends ErrorDescription {
  /** Path of the step it came from; null when it came from outside a step (cancel, saga timeout). */
  readonly step: string | null;
}

/** Whom a saga tells when it is over: the saga that began it, and the node of that one that waits for it. */
export interface ParentLink {
  readonly sagaId: string;
  readonly path: string;
}

/**
 * How a wait ended: its time came, what it waited for came, its patience ended, the saga turned round, or what was asked for
 * could not be done: a child that was to undo itself gave up.
 */
export type WaitOutcome = 'elapsed' | 'received' | 'timed-out' | 'abandoned' | 'failed';

interface Happened {
  readonly at: Date;
}

/** Something that somebody outside asked for. */
interface Asked extends Happened {
  readonly messageId: string;
  readonly by?: string;
  readonly reason?: string;
}

interface AttemptEvent extends Happened {
  readonly path: string;
  readonly direction: Direction;
  /** 1, 2, … counted separately per direction; from 1 again only after the saga was rewound. */
  readonly attempt: number;
}

/**
 * The journal of a saga: facts, in the order they happened, and the only source of its state. A node of the definition graph
 * is named by its path (`reserve-inventory`), never by an index. All times are those of the process that wrote the event.
 */
export type SagaEvent =
  | (Happened & {
      readonly type: 'SagaStarted';
      readonly definition: string;
      readonly definitionVersion: number;
      readonly definitionHash: string;
      readonly input: unknown;
      readonly correlationId: string;
      readonly trace?: TraceContext;
      readonly parent?: ParentLink;
      /** Keys it holds from its first step to its end; it waits for them first. */
      readonly locks?: readonly string[];
      /** Keys that the sagas around it hold for it. */
      readonly under?: readonly string[];
      /** When the saga as a whole is out of time; null: never. */
      readonly deadlineAt: Date | null;
    })
  | (AttemptEvent & {
      /** The intent: durable before any code of the attempt runs. */
      readonly type: 'AttemptStarted';
      /** When the attempt is out of time; null: never. */
      readonly deadlineAt: Date | null;
    })
  | (AttemptEvent & {
      readonly type: 'AttemptCompleted';
      readonly result: unknown;
      /** It was the point of no return: nothing is undone from here on. */
      readonly pivot?: true;
    })
  | (AttemptEvent & {
      readonly type: 'AttemptFailed';
      readonly outcome: FailedOutcome;
      readonly error: SagaError;
      /** When the next attempt is due; null: there will be none. */
      readonly retryAt: Date | null;
      /** It gave up, and a person decides what comes next. */
      readonly pause?: true;
    })
  /** Which way a saga goes where its definition parts; null: none of them. Never asked again. */
  | (Happened & { readonly type: 'Decided'; readonly path: string; readonly branch: string | null })
  | (Happened & { readonly type: 'StepSkipped'; readonly path: string; readonly reason: string })
  | (Happened & {
      readonly type: 'WaitStarted';
      readonly path: string;
      readonly direction: Direction;
      /** When it ends by itself; null: never. */
      readonly until: Date | null;
    })
  | (Happened & {
      readonly type: 'WaitEnded';
      readonly path: string;
      readonly direction: Direction;
      readonly outcome: WaitOutcome;
      readonly value?: unknown;
      /** The signal that was used up. */
      readonly signalId?: string;
    })
  /** Kept until something waits for it. */
  | (Asked & { readonly type: 'SignalReceived'; readonly name: string; readonly value?: unknown })
  | (Asked & { readonly type: 'CancelRequested' })
  | (Asked & { readonly type: 'SagaPaused' })
  | (Asked & { readonly type: 'SagaResumed' })
  | (Asked & { readonly type: 'InputEdited'; readonly input: unknown })
  /** A person took a step as done, or as undone. */
  | (Asked & {
      readonly type: 'StepOverridden';
      readonly path: string;
      readonly direction: Direction;
      readonly result?: unknown;
      /** It was the point of no return, as with AttemptCompleted. */
      readonly pivot?: true;
    })
  /** What was begun from this step on is being undone, to be done again; its undos are told the error as their cause. */
  | (Asked & { readonly type: 'RewindStarted'; readonly path: string; readonly error: SagaError })
  | (Happened & {
      readonly type: 'Rewound';
      readonly path: string;
      /** Decisions and waits that came after it and stay: those of other branches, that follow on nothing that was undone. */
      readonly kept?: readonly string[];
    })
  /** A saga that was over is undone after all. */
  | (Asked & { readonly type: 'UndoRequested'; readonly forced: boolean })
  /** It was accepted, but came to nothing: the saga had moved on. */
  | (Asked & { readonly type: 'MessageIgnored'; readonly kind: string; readonly why: string })
  | (Happened & { readonly type: 'CompensationStarted'; readonly error: SagaError })
  | (Happened & { readonly type: 'SagaCompleted' })
  | (Happened & { readonly type: 'SagaCompensated'; readonly error: SagaError })
  | (Happened & {
      readonly type: 'SagaFailed';
      readonly error: SagaError;
      /** Steps that were begun and are not undone, when the saga gave up while undoing. */
      readonly remaining?: readonly string[];
    })
  /** Its undoing gave up, and it is over: what remains to be undone stays as it is. */
  | (Happened & {
      readonly type: 'SagaAbandoned';
      readonly error: SagaError;
      readonly remaining: readonly string[];
    })
  /** All its keys are its own from here on, until it is over. */
  | (Happened & { readonly type: 'LocksTaken' })
  /** It gave its keys up when it was over, and waits for them anew, to be undone. */
  | (Happened & { readonly type: 'LocksAwaited' })
  /** The saga that began this one knows how it ended. */
  | (Happened & { readonly type: 'ParentTold' })
  /** From here on the saga is one of another version of its definition. */
  | (Happened & {
      readonly type: 'DefinitionMigrated';
      readonly fromVersion: number;
      readonly toVersion: number;
      readonly definitionHash: string;
      /** New paths of nodes by their old ones. */
      readonly renamed: Readonly<Record<string, string>>;
    });

/** A saga event with its place in the journal of its saga: 1n, 2n, … without holes. */
export interface JournalEntry {
  readonly seq: bigint;
  readonly event: SagaEvent;
}
