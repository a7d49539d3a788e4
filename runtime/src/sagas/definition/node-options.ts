import type { Duration } from '../../foundation/duration.ts';
import type { TwoPhaseResult } from '../nodes/two-phase-commit.ts';
import type { TwoPhaseExecutor } from '../two-phase-commit/coordinator.ts';
import type { Branch } from '../two-phase-commit/two-phase-participant.ts';
import type { CompensateContext, DecideContext, ExecuteContext } from './step-context.ts';
import type { StepPolicy } from './step-options.ts';

/** How parallel branches are undone. */
export interface ParallelOptions {
  /**
   * `reverse` (default): one step after the other, in reverse order of their starts, whichever branch they are of.
   * `parallel`: all branches at once, each in reverse order: faster, where undoing one branch does not need another.
   */
  readonly undo?: 'reverse' | 'parallel';
}

/** How a choice shows. */
export interface ChoiceOptions {
  /** Why a step that is not taken was skipped, for the history. Default: names the condition. */
  readonly skipped?: string;
}

/** How long to wait: a duration, or a function that makes one, or a time, from what is known. */
export type TimerDelay<Input, Results> =
  | Duration
  | ((context: DecideContext<Input, Results>) => Duration | Date);

/** How long to wait to be told something. */
export interface SignalOptions<OnTimeout extends 'fail' | 'continue' = 'fail'> {
  /** Default: for ever. */
  readonly timeout?: Duration;
  /**
   * `fail` (default): the saga is undone with `SAGA_SIGNAL_TIMED_OUT`. `continue`: it goes on, and the result says whether
   * the signal was received: ask for that with `.when`.
   */
  readonly onTimeout?: OnTimeout;
}

/** What a wait for a signal results in. */
export type SignalResult<Value, OnTimeout extends 'fail' | 'continue'> = OnTimeout extends 'fail'
  ? Value
  : { readonly received: true; readonly value: Value } | { readonly received: false };

/** How a saga within a saga is started and undone. */
export interface ChildOptions<Input, Results, ChildInput> extends Pick<
  StepPolicy,
  'retry' | 'timeout' | 'compensateRetry' | 'compensateTimeout'
> {
  /** What it is started with. */
  readonly input: (context: DecideContext<Input, Results>) => ChildInput;
}

/** What a saga within a saga results in. One that was compensated makes its parent fail instead. */
export interface ChildResult<Results> {
  readonly sagaId: string;
  readonly status: 'completed';
  readonly results: Results;
}

/** A step that several participants do together, or none of them. */
export interface TwoPhaseCommitOptions<Input, Results> extends Omit<StepPolicy, 'compensateWhen'> {
  /** Decides, and remembers what it decided. Several sagas share one. */
  readonly coordinator: TwoPhaseExecutor;
  /**
   * Who takes part, and with what work; one branch a participant. What was begun before a crash is gone on with as it was
   * begun, so it need not make the same twice. A participant's refusal undoes the saga; one that cannot be reached makes the
   * attempt fail, and `retry` decides.
   */
  readonly branches: (context: ExecuteContext<Input, Results>) => readonly Branch[];
  /**
   * Undoes what was committed. Not called when nothing was: the undo of the step settles first whether it was, which aborts
   * what is undecided and brings to its end what is decided.
   */
  readonly compensate?: (
    context: CompensateContext<Input, Results, TwoPhaseResult, 'completed'>,
  ) => unknown;
  /** `forced`: undo only when a person forces the saga back past its pivot. Default: as any step. */
  readonly compensateWhen?: 'attempted' | 'forced';
}
