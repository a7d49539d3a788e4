import type { NodeHandler, Progress, Walk } from './node-handler.ts';
import { DONE, noting, WAITING } from './progress.ts';

/** Where a saga waits for something to be told to it: an approval, a delivery note, a webhook. */
export interface SignalNode {
  readonly kind: 'signal';
  readonly path: string;
  /** The signal's name. */
  readonly signal: string;
  readonly timeoutMs: number | null;
  /** What follows when it does not come in time. */
  readonly onTimeout: 'fail' | 'continue';
}

/** A signal that came first is taken at once; one that comes in the millisecond of the timeout is heard before it. */
function forward(node: SignalNode, walk: Walk): Progress {
  const wait = walk.wait(node.path, 'forward');
  const { path, timeoutMs } = node;
  if (!wait) {
    const until = timeoutMs === null ? null : new Date(walk.now.getTime() + timeoutMs);
    return noting({ type: 'WaitStarted', path, direction: 'forward', until });
  }
  if (wait.ended) {
    if (wait.ended.outcome !== 'timed-out') return DONE;
    return {
      kind: 'failed',
      error: {
        code: 'SAGA_SIGNAL_TIMED_OUT',
        message: `Signal '${node.signal}' did not come by ${wait.until?.toISOString() ?? 'its time'}.`,
        step: path,
      },
      pause: false,
      failedAt: wait.until ?? walk.now,
    };
  }
  const signal = walk.signal(node.signal);
  const ended = { type: 'WaitEnded', path, direction: 'forward' } as const;
  if (signal) {
    const value =
      node.onTimeout === 'continue' ? { received: true, value: signal.value } : signal.value;
    return noting({ ...ended, outcome: 'received', value, signalId: signal.messageId });
  }
  if (wait.until === null || wait.until.getTime() > walk.now.getTime()) return WAITING;
  return node.onTimeout === 'continue'
    ? noting({ ...ended, outcome: 'elapsed', value: { received: false } })
    : noting({ ...ended, outcome: 'timed-out' });
}

export const signalHandler: NodeHandler<SignalNode> = {
  forward,
  compensate: () => DONE,
  begun: (node, walk) => walk.wait(node.path, 'forward') !== undefined,
  children: () => [],
  fits: () => true,
  describe: (node) => ({
    kind: node.kind,
    path: node.path,
    signal: node.signal,
    onTimeout: node.onTimeout,
  }),
  draw: (node, pen, from) => {
    pen.box(node.path, 'signal', from);
    return [{ from: node.path }];
  },
};
