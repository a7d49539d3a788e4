import { type AttemptedNodeBase, attemptedNodeWalk } from './attempted-node.ts';
import type { AttemptedNodeHandler, Invocation } from './node-handler.ts';

type TransactionalInvocation = Invocation & { readonly tx: unknown };

/** A step whose writes go to the saga store's own database, in the transaction that also writes the journal. */
export interface TransactionalStepNode extends AttemptedNodeBase {
  readonly kind: 'transactional-step';
  readonly execute: (invocation: TransactionalInvocation) => unknown;
  readonly compensate: ((invocation: TransactionalInvocation) => unknown) | undefined;
}

/** Effect and journal are one commit: no crash can come between them. */
export const transactionalStepHandler: AttemptedNodeHandler<TransactionalStepNode> = {
  ...attemptedNodeWalk,
  transactional: true,
  attempt: (node, invocation, host) =>
    host().inTransaction(async (tx) => {
      if (invocation.direction === 'forward') return node.execute({ ...invocation, tx });
      await node.compensate?.({ ...invocation, tx });
      return undefined;
    }),
};
