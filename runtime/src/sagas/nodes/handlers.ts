import { alreadyDoneHandler } from './already-done.ts';
import type { AttemptedNode, SagaNode } from './node.ts';
import type { AttemptedNodeHandler, NodeHandler } from './node-handler.ts';
import { sequenceHandler } from './sequence.ts';
import { stepHandler } from './step.ts';
import { transactionalStepHandler } from './transactional-step.ts';

type Handlers = {
  readonly [Kind in SagaNode['kind']]: NodeHandler<Extract<SagaNode, { kind: Kind }>>;
};

const handlers: Handlers = {
  sequence: sequenceHandler,
  step: stepHandler,
  'transactional-step': transactionalStepHandler,
  'already-done': alreadyDoneHandler,
};

const attemptedHandlers: {
  readonly [Kind in AttemptedNode['kind']]: AttemptedNodeHandler<
    Extract<AttemptedNode, { kind: Kind }>
  >;
} = {
  step: stepHandler,
  'transactional-step': transactionalStepHandler,
  'already-done': alreadyDoneHandler,
};

/** The handler of a node's kind. The table's type guarantees that they fit. */
export function handlerOf(node: SagaNode): NodeHandler {
  return handlers[node.kind];
}

/** The handler of a node that is done by attempts. */
export function attemptedHandlerOf(node: AttemptedNode): AttemptedNodeHandler<AttemptedNode> {
  return attemptedHandlers[node.kind];
}
