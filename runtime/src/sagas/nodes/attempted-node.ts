import type { Direction } from '../saga-event.ts';
import type { DirectionState } from '../saga-state.ts';
import type { CompensateWhen } from '../step-context.ts';
import type { AttemptPolicy } from '../step-options.ts';
import type { AttemptedNode } from './node.ts';
import type { NodeHandler, Progress, Walk } from './node-handler.ts';

/** What all kinds of node that are done by attempts have in common. */
export interface AttemptedNodeBase {
  /** Names of the nodes from the root to this one, joined by `/`. Never changes while sagas of this definition live. */
  readonly path: string;
  readonly compensateWhen: CompensateWhen;
  /** How attempts are tried, per direction. */
  readonly policy: Readonly<Record<Direction, AttemptPolicy>>;
}

const DONE: Progress = { kind: 'done' };
const RUNNING: Progress = { kind: 'active', start: [], running: true };
const WAITING: Progress = { kind: 'active', start: [], running: false };

/** How far a direction has come, by what the journal says of its attempts. */
export function progress(
  node: AttemptedNodeBase,
  direction: Direction,
  state: DirectionState | null | undefined,
  walk: Walk,
): Progress {
  switch (state?.status) {
    case 'done':
      return DONE;
    case 'running':
      return RUNNING;
    case 'exhausted':
      return { kind: 'failed', error: state.error };
    case 'waiting':
      if (state.retryAt.getTime() > walk.now.getTime()) return WAITING;
      break;
    case undefined:
  }
  return { kind: 'active', start: [{ path: node.path, direction }], running: false };
}

/** How a node of attempts is walked, whatever an attempt of it does. */
export const attemptedNodeWalk: Pick<
  NodeHandler<AttemptedNode>,
  'forward' | 'compensate' | 'begun' | 'fits' | 'describe' | 'draw'
> = {
  forward: (node, walk) => progress(node, 'forward', walk.step(node.path)?.forward, walk),
  compensate: (node, walk) => {
    const step = walk.step(node.path);
    if (!step || !node.compensate) return DONE;
    if (node.compensateWhen === 'completed' && step.outcome !== 'done') return DONE;
    return progress(node, 'compensate', step.compensate, walk);
  },
  begun: (node, walk) => walk.step(node.path) !== undefined,
  fits: () => true,
  describe: (node) => ({
    kind: node.kind,
    path: node.path,
    compensates: node.compensate ? node.compensateWhen : 'never',
  }),
  draw: (node, pen, from) => {
    pen.box(node.path, from, node.compensate !== undefined);
    return [node.path];
  },
};
