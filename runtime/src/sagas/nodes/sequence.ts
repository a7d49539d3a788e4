import type { NodeHandler } from './node-handler.ts';
import type { SagaNode } from './node.ts';
import { DONE } from './progress.ts';
import { undoInOrder } from './undo-in-order.ts';

/** Nodes one after the other. The root of every definition is one, and so is every branch. */
export interface SequenceNode {
  readonly kind: 'sequence';
  readonly path: string;
  readonly children: readonly SagaNode[];
}

/** Forward in order, each when the one before is done; undone in reverse order, what was begun. */
export const sequenceHandler: NodeHandler<SequenceNode> = {
  forward(node, walk) {
    for (const child of node.children) {
      const progress = walk.forward(child);
      if (progress.kind !== 'done') return progress;
    }
    return DONE;
  },
  compensate: (node, walk) => undoInOrder(node.children, walk),
  begun: (node, walk) => node.children.some((child) => walk.begun(child)),
  children: (node) => node.children,
  undoUnits: (node, walk) => node.children.flatMap((child) => walk.undoUnits(child)),
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
