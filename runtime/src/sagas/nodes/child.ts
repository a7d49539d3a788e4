import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { DecideContext } from '../definition/step-context.ts';
import type { Direction, SagaError } from '../saga-event.ts';
import { type AttemptedNodeBase, attemptedNodeWalk, isUndone, progress } from './attempted-node.ts';
import type { AttemptedNodeHandler, ChildOutcome, Progress, Walk } from './node-handler.ts';
import { DONE, noting, WAITING } from './progress.ts';

/**
 * A saga within a saga. It is started by an attempt, lives by itself, and tells this one when it is over. Its undoing is one
 * undo of this saga, whether it is under way by then or completed.
 */
export interface ChildNode extends AttemptedNodeBase {
  readonly kind: 'child';
  readonly definition: SagaDefinition<unknown, never>;
  readonly input: (context: DecideContext<unknown, unknown>) => unknown;
  /** Always undone; a function so that it is like the others. */
  readonly compensate: () => undefined;
}

/** The name under which a child's end arrives. No signal of a user has a colon in its name. */
export function childSignal(path: string): string {
  return `child:${path}`;
}

/** Parts the id of a saga from that of the one around it: no name of a node has a colon, and no id of a user has two in a row. */
export const CHILD_MARK = '::';

/** The id of the saga that a node began: made of its parent's, so that every process makes the same, and no two nodes do. */
export function childIdOf(sagaId: string, path: string, generation: number): string {
  return `${sagaId}${CHILD_MARK}${generation === 0 ? path : `${path}~${generation}`}`;
}

/** Names one asking of a child to be undone: an attempt that came after it did, in another process, asks anew. */
export function undoMessageId(childId: string, attempt: number): string {
  return `${childId}/undo#${attempt}`;
}

/** Waits, after the attempt that asked for it, for word that the child has come to an end. */
function waitForEnd(node: ChildNode, direction: Direction, walk: Walk): Progress {
  const { path } = node;
  const wait = walk.wait(path, direction);
  if (!wait) return noting({ type: 'WaitStarted', path, direction, until: null });
  if (wait.ended?.outcome === 'failed') {
    return failed(node, (wait.ended.value as { readonly error: SagaError }).error, walk);
  }
  if (wait.ended) return DONE;
  // The child knows this node by the name under which it was begun.
  const { as = path, generation = 0, compensate: asking } = walk.step(path) ?? {};
  const childId = childIdOf(walk.sagaId, as, generation);
  const asked = undoMessageId(childId, asking?.attempt ?? 0);
  // Word of an end that crossed with the asking is no answer to it; word of a child before a rewind is none either.
  const signal = walk.signal(childSignal(as), ({ value }) => {
    const outcome = value as ChildOutcome;
    if (outcome.sagaId !== childId) return false;
    if (direction === 'forward' || outcome.status === 'compensated') return true;
    return outcome.status === 'abandoned' && outcome.asked.includes(asked);
  });
  if (!signal) return WAITING;
  const { messageId: signalId, value } = signal;
  const gaveUp = direction === 'compensate' && (value as ChildOutcome).status === 'abandoned';
  const outcome = gaveUp ? 'failed' : 'received';
  return noting({ type: 'WaitEnded', path, direction, outcome, value, signalId });
}

function forward(node: ChildNode, walk: Walk): Progress {
  const started = progress(node, 'forward', walk.step(node.path)?.forward, walk);
  if (started.kind !== 'done') return started;
  const waited = waitForEnd(node, 'forward', walk);
  if (waited.kind !== 'done') return waited;
  const ended = walk.wait(node.path, 'forward')?.ended;
  const outcome = ended?.outcome === 'received' ? (ended.value as ChildOutcome) : undefined;
  return outcome && outcome.status !== 'completed' ? failed(node, outcome.error, walk) : DONE;
}

function failed(node: ChildNode, error: SagaError, walk: Walk): Progress {
  return {
    kind: 'failed',
    error: { ...error, step: node.path },
    pause: false,
    failedAt: walk.now,
  };
}

/**
 * A child that has undone itself already needs no asking; any other is asked, and waited for. One that gave up its undoing for
 * good is asked to try once more; when it gives up again, so does this undo.
 */
function compensate(node: ChildNode, walk: Walk): Progress {
  const step = walk.step(node.path);
  if (!step || !isUndone(node, walk)) return DONE;
  const wait = walk.wait(node.path, 'forward');
  const outcome = wait?.ended?.outcome === 'received' ? (wait.ended.value as ChildOutcome) : null;
  if (outcome?.status === 'compensated') return DONE;
  const asked = progress(node, 'compensate', step.compensate, walk);
  if (asked.kind !== 'done') return asked;
  return waitForEnd(node, 'compensate', walk);
}

/** Starting and asking are attempts of this saga; what the child does is its own. */
export const childHandler: AttemptedNodeHandler<ChildNode> = {
  ...attemptedNodeWalk,
  transactional: false,
  forward,
  compensate,
  attempt: (node, invocation, host) =>
    invocation.direction === 'forward'
      ? host().startChild(node, invocation)
      : host().undoChild(node, invocation),
};
