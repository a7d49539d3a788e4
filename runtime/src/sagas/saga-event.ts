import type { ErrorDescription } from '../errors/describe-error.ts';
import type { TraceContext } from '../observability/tracer.ts';

/**
 * Where a saga stands, as its owner sees it:
 * - `pending`: accepted, no process has taken it yet,
 * - `running`: going forward,
 * - `compensating`: undoing what was or may have been done,
 * - `completed`: over, every step done,
 * - `compensated`: over, everything undone; the error tells why,
 * - `failed`: a compensation gave up; a person must look, then resume.
 */
export type SagaStatus =
  | 'pending'
  | 'running'
  | 'compensating'
  | 'completed'
  | 'compensated'
  | 'failed';

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

/**
 * The journal of a saga: facts, in the order they happened, and the only source of its state. A step is named by its
 * path in the definition graph (`reserve-inventory`, later `checks/check-credit`), never by an index.
 * All times are those of the process that wrote the event.
 */
export type SagaEvent =
  | {
      readonly type: 'SagaStarted';
      readonly at: Date;
      readonly definition: string;
      readonly definitionVersion: number;
      readonly definitionHash: string;
      readonly input: unknown;
      readonly correlationId: string;
      readonly trace?: TraceContext;
      /** When the saga as a whole is out of time; null: never. */
      readonly deadlineAt: Date | null;
    }
  | {
      /** The intent: durable before any code of the attempt runs. */
      readonly type: 'AttemptStarted';
      readonly at: Date;
      readonly path: string;
      readonly direction: Direction;
      /** 1, 2, … counted separately per direction, never reset. */
      readonly attempt: number;
      /** When the attempt is out of time; null: never. */
      readonly deadlineAt: Date | null;
    }
  | {
      readonly type: 'AttemptCompleted';
      readonly at: Date;
      readonly path: string;
      readonly direction: Direction;
      readonly attempt: number;
      readonly result: unknown;
    }
  | {
      readonly type: 'AttemptFailed';
      readonly at: Date;
      readonly path: string;
      readonly direction: Direction;
      readonly attempt: number;
      readonly outcome: FailedOutcome;
      readonly error: SagaError;
      /** When the next attempt is due; null: there will be none. */
      readonly retryAt: Date | null;
    }
  | {
      readonly type: 'StepSkipped';
      readonly at: Date;
      readonly path: string;
      readonly reason: string;
    }
  | { readonly type: 'CancelRequested'; readonly at: Date; readonly messageId: string }
  | { readonly type: 'CompensationStarted'; readonly at: Date; readonly error: SagaError }
  | { readonly type: 'SagaResumed'; readonly at: Date; readonly messageId: string }
  | { readonly type: 'SagaCompleted'; readonly at: Date }
  | { readonly type: 'SagaCompensated'; readonly at: Date; readonly error: SagaError }
  | { readonly type: 'SagaFailed'; readonly at: Date; readonly error: SagaError };

/** A saga event with its place in the journal of its saga: 1n, 2n, … without holes. */
export interface JournalEntry {
  readonly seq: bigint;
  readonly event: SagaEvent;
}
