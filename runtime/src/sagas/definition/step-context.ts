import type { SagaError } from '../saga-event.ts';

/** What every attempt is told, doing or undoing. */
export interface AttemptContext<Input, Results> {
  readonly sagaId: string;
  readonly correlationId: string;
  /** What the saga was started with. */
  readonly input: Input;
  /** Results of the steps that are done, by step name. Plain data, as read back from the journal. */
  readonly results: Results;
  /**
   * The same for every attempt of this step in this direction, in every process, for ever. Hand it to whatever has an
   * effect, as its idempotency key: an attempt may run twice when a process dies.
   */
  readonly key: string;
  /** 1, 2, …: how often this was tried, interrupted attempts included. */
  readonly attempt: number;
  /** Fires when the attempt is out of time, the saga is to stop, or this process may no longer run it. Pass it on. */
  readonly signal: AbortSignal;
}

/** What a condition, a time or the input of a child is made from. */
export type DecideContext<Input, Results> = Pick<
  AttemptContext<Input, Results>,
  'sagaId' | 'correlationId' | 'input' | 'results'
>;

/** What a step is told when it is done. Its key ends in `/do`. */
export interface ExecuteContext<Input, Results> extends AttemptContext<Input, Results> {
  readonly key: `${string}/do`;
}

/** What the undo of something that was already done is told. */
export interface UndoContext<Input> extends AttemptContext<Input, unknown> {
  readonly key: `${string}/undo`;
  /** Why the saga is being undone: the refusal of a step, a cancel, a timeout. */
  readonly cause: SagaError;
}

/**
 * What is known of a step that is to be undone:
 * - `done`: it returned `result`,
 * - `failed`: it said no, or gave up,
 * - `unknown`: it timed out, was told to stop or its process died: the effect may have happened, or may still happen.
 */
export type StepOutcome<Result> =
  | { readonly outcome: 'done'; readonly result: Result }
  | { readonly outcome: 'failed' | 'unknown'; readonly result: undefined };

/**
 * When a step is undone: after every attempt to do it, only after it was done, or only when a person forces a saga back that
 * has passed its pivot.
 */
export type CompensateWhen = 'attempted' | 'completed' | 'forced';

/** What a step is told when it is undone. Its key ends in `/undo`. */
export type CompensateContext<Input, Results, Result, When extends CompensateWhen> = AttemptContext<
  Input,
  Results
> & {
  readonly key: `${string}/undo`;
  /** Why the saga is being undone: the refusal of a step, a cancel, a timeout. */
  readonly cause: SagaError;
} & (When extends 'completed'
    ? Extract<StepOutcome<Result>, { outcome: 'done' }>
    : StepOutcome<Result>);
