import type { DecideContext } from '../definition/step-context.ts';
import type { NodeHandler, Progress, Walk } from './node-handler.ts';
import { DONE, defect, noting, WAITING } from './progress.ts';

/** A pause in a saga, of any length: while it lasts the saga is in the store and nowhere else. */
export interface TimerNode {
  readonly kind: 'timer';
  readonly path: string;
  /** When it ends. */
  readonly until: (context: DecideContext<unknown, unknown>, now: Date) => Date;
}

function forward(node: TimerNode, walk: Walk): Progress {
  const wait = walk.wait(node.path, 'forward');
  if (wait?.ended) return DONE;
  const { path } = node;
  if (wait) {
    if (wait.until !== null && wait.until.getTime() > walk.now.getTime()) return WAITING;
    return noting({ type: 'WaitEnded', path, direction: 'forward', outcome: 'elapsed' });
  }
  try {
    const until = node.until(walk.context(), walk.now);
    return noting({ type: 'WaitStarted', path, direction: 'forward', until });
  } catch (error) {
    return defect(path, error, walk);
  }
}

export const timerHandler: NodeHandler<TimerNode> = {
  forward,
  compensate: () => DONE,
  begun: (node, walk) => walk.wait(node.path, 'forward') !== undefined,
  children: () => [],
  fits: () => true,
  describe: (node) => ({ kind: node.kind, path: node.path }),
  draw: (node, pen, from) => {
    pen.box(node.path, 'timer', from);
    return [{ from: node.path }];
  },
};
