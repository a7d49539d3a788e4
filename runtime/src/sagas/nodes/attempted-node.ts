import type { CompensateWhen } from '../definition/step-context.ts';
import type { AttemptPolicy } from '../definition/step-options.ts';
import type { DirectionState } from '../machine/saga-state.ts';
import type { Direction } from '../saga-event.ts';
import type { AttemptedNode } from './node.ts';
import type { NodeHandler, Progress, Walk } from './node-handler.ts';
import { DONE, RUNNING, WAITING } from './progress.ts';

/** What all kinds of node that are done by attempts have in common. */
export interface AttemptedNodeBase {
  /** Its name; under the name of the saga it never changes while sagas of this definition live. */
  readonly path: string;
  readonly compensateWhen: CompensateWhen;
  /** Once it is done, the saga goes forward only. */
  readonly pivot: boolean;
  /** How attempts are tried, per direction. */
  readonly policy: Readonly<Record<Direction, AttemptPolicy>>;
}

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
    case 'exhausted': {
      const { error, pause, failedAt } = state;
      return { kind: 'failed', error, pause, failedAt };
    }
    case 'waiting':
      if (state.retryAt.getTime() > walk.now.getTime()) return WAITING;
      break;
    case undefined:
  }
  const start = [{ path: node.path, direction }];
  return { kind: 'active', start, notes: [], running: false, stop: [] };
}

/** Whether a node that was begun is to be undone. */
export function isUndone(node: AttemptedNode, walk: Walk): boolean {
  switch (node.compensateWhen) {
    case 'attempted':
      return true;
    case 'completed':
      return walk.step(node.path)?.outcome === 'done';
    case 'forced':
      return walk.forced;
  }
}

/** How a node of attempts is walked, whatever an attempt of it does. */
export const attemptedNodeWalk: Omit<NodeHandler<AttemptedNode>, 'undoUnits'> = {
  forward: (node, walk) => progress(node, 'forward', walk.step(node.path)?.forward, walk),
  compensate: (node, walk) => {
    const step = walk.step(node.path);
    if (!step || !node.compensate || !isUndone(node, walk)) return DONE;
    return progress(node, 'compensate', step.compensate, walk);
  },
  begun: (node, walk) => walk.step(node.path) !== undefined,
  children: () => [],
  fits: () => true,
  describe: (node) => ({
    kind: node.kind,
    path: node.path,
    compensates: node.compensate ? node.compensateWhen : 'never',
    ...(node.pivot && { pivot: true }),
  }),
  draw: (node, pen, from) => {
    pen.box(node.path, node.pivot ? 'pivot' : node.kind, from, { undo: !!node.compensate });
    return [{ from: node.path }];
  },
};
