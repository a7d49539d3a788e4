import type { NodeHandler, Progress } from './node-handler.ts';
import type { SagaNode } from './node.ts';

/** Nodes one after the other. The root of every definition is one. */
export interface SequenceNode {
  readonly kind: 'sequence';
  readonly path: string;
  readonly children: readonly SagaNode[];
}

const DONE: Progress = { kind: 'done' };

/** Forward in order, each when the one before is done; undone in reverse order, what was begun. */
export const sequenceHandler: NodeHandler<SequenceNode> = {
  forward(node, walk) {
    for (const child of node.children) {
      const progress = walk.forward(child);
      if (progress.kind !== 'done') return progress;
    }
    return DONE;
  },
  compensate(node, walk) {
    let failed: Progress | undefined;
    for (let at = node.children.length - 1; at >= 0; at -= 1) {
      const child = node.children[at];
      if (!child || !walk.begun(child)) continue;
      const progress = walk.compensate(child);
      if (progress.kind === 'active') return progress;
      if (progress.kind === 'failed') {
        if (walk.onCompensationFailure === 'pause') return progress;
        failed ??= progress;
      }
    }
    return failed ?? DONE;
  },
  begun: (node, walk) => node.children.some((child) => walk.begun(child)),
  fits(node, walk, fits) {
    let before = true;
    for (const child of node.children) {
      const begun = walk.begun(child);
      if (begun && !before) return false;
      before &&= begun;
      if (begun && !fits(child)) return false;
    }
    return true;
  },
  describe: (node, describe) => node.children.map(describe),
  draw: (node, pen, from) => node.children.reduce((before, child) => pen.draw(child, before), from),
};
