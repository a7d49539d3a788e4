import type {
  Active,
  DiagramExit,
  Failed,
  Intent,
  NodeHandler,
  Note,
  Progress,
  StopOrder,
  Walk,
} from './node-handler.ts';
import type { SequenceNode } from './sequence.ts';
import type { SagaNode } from './node.ts';
import { DONE, earlier } from './progress.ts';
import { undoInOrder } from './undo-in-order.ts';

/** Branches that go forward at the same time, and are done when all of them are. */
export interface ParallelNode {
  readonly kind: 'parallel';
  readonly path: string;
  readonly branches: readonly SequenceNode[];
  /** `reverse`: step by step in reverse order of their starts, across branches. `parallel`: all branches at once. */
  readonly undo: 'reverse' | 'parallel';
}

/** What branches say, put together. */
interface Sum {
  readonly start: Intent[];
  readonly notes: Note[];
  readonly stop: StopOrder[];
  running: boolean;
  active: boolean;
  failed: Failed | undefined;
  paused: Failed | undefined;
}

function sumOf(progresses: Iterable<Progress>): Sum {
  const sum: Sum = {
    start: [],
    notes: [],
    stop: [],
    running: false,
    active: false,
    failed: undefined,
    paused: undefined,
  };
  for (const progress of progresses) {
    if (progress.kind === 'failed') {
      if (progress.pause) sum.paused = earlier(sum.paused, progress);
      else sum.failed = earlier(sum.failed, progress);
    } else if (progress.kind === 'active') {
      sum.active = true;
      sum.running ||= progress.running;
      sum.start.push(...progress.start);
      sum.notes.push(...progress.notes);
      sum.stop.push(...progress.stop);
    }
  }
  return sum;
}

function activeOf({ start, notes, running, stop }: Omit<Active, 'kind'>): Active {
  return { kind: 'active', start, notes, running, stop };
}

/**
 * The first branch to fail makes the others stop: what runs in them is told so and waited for, nothing more is begun, and
 * then the node has failed. A branch that waits for a person lets the others end what they run.
 */
function forward(node: ParallelNode, walk: Walk): Progress {
  const sum = sumOf(node.branches.map((branch) => walk.forward(branch)));
  const { failed, paused, running } = sum;
  if (failed) {
    if (!running) return failed;
    return activeOf({ start: [], notes: [], running, stop: stopOrders(node, failed, walk) });
  }
  if (paused) return running ? activeOf({ ...sum, start: [], notes: [] }) : paused;
  return sum.active ? activeOf(sum) : DONE;
}

function stopOrders(node: ParallelNode, { error }: Failed, walk: Walk): readonly StopOrder[] {
  const stopped = {
    code: 'SAGA_BRANCH_STOPPED',
    message: `Another branch of '${node.path}' failed: ${error.code}.`,
  };
  return walk
    .leaves(node)
    .filter(({ path }) => walk.step(path)?.forward?.status === 'running')
    .map(({ path }) => ({ path, error: { ...stopped, step: path } }));
}

function compensate(node: ParallelNode, walk: Walk): Progress {
  if (node.undo === 'reverse') return undoInOrder(inStartOrder(node, walk), walk);
  const sum = sumOf(
    node.branches.filter((branch) => walk.begun(branch)).map((branch) => walk.compensate(branch)),
  );
  const failed = sum.paused ?? sum.failed;
  if (failed && walk.onCompensationFailure !== 'continue') {
    return sum.running ? activeOf({ ...sum, start: [], notes: [] }) : failed;
  }
  return sum.active ? activeOf(sum) : (failed ?? DONE);
}

/** Undo units of all branches, by when the latest step of each was started. */
function inStartOrder(node: ParallelNode, walk: Walk): readonly SagaNode[] {
  const placeOf = (unit: SagaNode): number =>
    Math.max(...walk.leaves(unit).map(({ path }) => walk.placeOf(path)));
  return node.branches
    .flatMap((branch) => walk.undoUnits(branch))
    .map((unit) => ({ unit, place: placeOf(unit) }))
    .filter(({ place }) => place >= 0)
    .sort((one, other) => one.place - other.place)
    .map(({ unit }) => unit);
}

export const parallelHandler: NodeHandler<ParallelNode> = {
  forward,
  compensate,
  begun: (node, walk) => node.branches.some((branch) => walk.begun(branch)),
  children: (node) => node.branches,
  undoUnits: (node, walk) =>
    node.undo === 'parallel' ? [node] : node.branches.flatMap((branch) => walk.undoUnits(branch)),
  fits: (node, walk, fits) => node.branches.every((branch) => !walk.begun(branch) || fits(branch)),
  describe: (node, describe) => ({
    kind: node.kind,
    path: node.path,
    undo: node.undo,
    branches: node.branches.map(describe),
  }),
  draw: (node, pen, from) => {
    pen.box(node.path, 'parallel', from);
    const exits: DiagramExit[] = [];
    for (const branch of node.branches) exits.push(...pen.draw(branch, [{ from: node.path }]));
    return exits;
  },
};
