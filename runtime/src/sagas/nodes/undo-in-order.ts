import type { Failed, Progress, Walk } from './node-handler.ts';
import type { SagaNode } from './node.ts';
import { DONE } from './progress.ts';

/** Undoes what was begun of these, the last one first, each when the one after it is undone. */
export function undoInOrder(nodes: readonly SagaNode[], walk: Walk): Progress {
  let failed: Failed | undefined;
  for (let at = nodes.length - 1; at >= 0; at -= 1) {
    const node = nodes[at];
    if (!node || !walk.begun(node)) continue;
    const progress = walk.compensate(node);
    if (progress.kind === 'active') return progress;
    if (progress.kind === 'failed') {
      if (walk.onCompensationFailure !== 'continue') return progress;
      failed ??= progress;
    }
  }
  return failed ?? DONE;
}
