import { alreadyDoneHandler } from './already-done.ts';
import { childHandler } from './child.ts';
import { choiceHandler } from './choice.ts';
import type { AttemptedNode, SagaNode } from './node.ts';
import type { AttemptedNodeHandler, NodeHandler } from './node-handler.ts';
import { parallelHandler } from './parallel.ts';
import { sequenceHandler } from './sequence.ts';
import { signalHandler } from './signal.ts';
import { stepHandler } from './step.ts';
import { timerHandler } from './timer.ts';
import { transactionalStepHandler } from './transactional-step.ts';
import { twoPhaseHandler } from './two-phase-commit.ts';

type AttemptedHandlers = {
  readonly [Kind in AttemptedNode['kind']]: AttemptedNodeHandler<
    Extract<AttemptedNode, { kind: Kind }>
  >;
};

const attemptedHandlers: AttemptedHandlers = {
  step: stepHandler,
  'transactional-step': transactionalStepHandler,
  'already-done': alreadyDoneHandler,
  child: childHandler,
  'two-phase-commit': twoPhaseHandler,
};

type Handlers = {
  readonly [Kind in SagaNode['kind']]: NodeHandler<Extract<SagaNode, { kind: Kind }>>;
};

const handlers: Handlers = {
  ...attemptedHandlers,
  sequence: sequenceHandler,
  parallel: parallelHandler,
  choice: choiceHandler,
  timer: timerHandler,
  signal: signalHandler,
};

/** The handler of a node's kind. The table's type guarantees that they fit. */
export function handlerOf(node: SagaNode): NodeHandler {
  return handlers[node.kind];
}

/** Whether a node is done by attempts. */
export function isAttempted(node: SagaNode): node is AttemptedNode {
  return node.kind in attemptedHandlers;
}

/** The handler of a node that is done by attempts. */
export function attemptedHandlerOf(node: AttemptedNode): AttemptedNodeHandler<AttemptedNode> {
  return attemptedHandlers[node.kind];
}
