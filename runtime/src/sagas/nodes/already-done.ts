import { type AttemptedNodeBase, attemptedNodeWalk, progress } from './attempted-node.ts';
import type { AttemptedNodeHandler, Invocation } from './node-handler.ts';
import { DONE } from './progress.ts';

/**
 * What was done before the saga, by whoever started it, in the transaction of the start: only its undo is the saga's. It is
 * there in every saga, begun or not, so a saga that is cancelled before its first step undoes it too.
 */
export interface AlreadyDoneNode extends AttemptedNodeBase {
  readonly kind: 'already-done';
  readonly compensate: (invocation: Invocation & { readonly tx: unknown }) => unknown;
}

/** Its undo and the journal are one commit, as its doing and the start were. */
export const alreadyDoneHandler: AttemptedNodeHandler<AlreadyDoneNode> = {
  ...attemptedNodeWalk,
  transactional: true,
  forward: () => DONE,
  compensate: (node, walk) => progress(node, 'compensate', walk.step(node.path)?.compensate, walk),
  begun: () => true,
  attempt: (node, invocation, host) =>
    host().inTransaction(async (tx) => {
      await node.compensate({ ...invocation, tx });
    }),
};
