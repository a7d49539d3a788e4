import type { AlreadyDoneNode } from './already-done.ts';
import type { ChildNode } from './child.ts';
import type { ChoiceNode } from './choice.ts';
import type { ParallelNode } from './parallel.ts';
import type { SequenceNode } from './sequence.ts';
import type { SignalNode } from './signal.ts';
import type { StepNode } from './step.ts';
import type { TimerNode } from './timer.ts';
import type { TransactionalStepNode } from './transactional-step.ts';
import type { TwoPhaseNode } from './two-phase-commit.ts';

/**
 * A node of a definition's graph. A further kind is: a file in this folder with its node type and its handler, a line in this
 * union, a line in `handlers.ts`, and a method of the builder. The machine, the journal and the orchestrator stay as they
 * are: they know nodes by path and by what their handler answers.
 */
export type SagaNode =
  | SequenceNode
  | ParallelNode
  | ChoiceNode
  | TimerNode
  | SignalNode
  | AttemptedNode;

/** A node that is done by attempts. */
export type AttemptedNode =
  | StepNode
  | TransactionalStepNode
  | AlreadyDoneNode
  | ChildNode
  | TwoPhaseNode;
