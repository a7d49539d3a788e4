import { type AttemptedNodeBase, attemptedNodeWalk } from './attempted-node.ts';
import type { AttemptedNodeHandler, Invocation } from './node-handler.ts';

/** A step that does its work wherever it likes: a call to another service, most often. */
export interface StepNode extends AttemptedNodeBase {
  readonly kind: 'step';
  readonly execute: (invocation: Invocation) => unknown;
  readonly compensate: ((invocation: Invocation) => unknown) | undefined;
}

/** An effect outside, then the journal: between the two the process may die, hence the key. */
export const stepHandler: AttemptedNodeHandler<StepNode> = {
  ...attemptedNodeWalk,
  transactional: false,
  attempt: (node, invocation) =>
    invocation.direction === 'forward' ? node.execute(invocation) : node.compensate?.(invocation),
};
