import type { AttemptedNode, SagaNode } from '../../sagas/nodes/node.ts';
import type { SagaModelState } from './saga-model-state.ts';

/** How far a part of the graph has come forward. `open`: the nodes in it that may do something next. */
export type Front =
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly pause: boolean }
  | { readonly kind: 'open'; readonly next: readonly string[]; readonly running: boolean };

const DONE: Front = { kind: 'done' };

/** How far a node has come forward. @param at the moment of what is to follow. */
export function frontOf(node: SagaNode, state: SagaModelState, at: Date | undefined): Front {
  if (node.kind === 'sequence') {
    for (const child of node.children) {
      const front = frontOf(child, state, at);
      if (front.kind !== 'done') return front;
    }
    return DONE;
  }
  if (node.kind === 'parallel') {
    return together(node.branches.map((branch) => frontOf(branch, state, at)));
  }
  if (node.kind === 'choice') {
    const decision = state.decisions.get(node.path);
    if (decision === undefined) return open(node.path);
    const taken = node.cases.find(({ name }) => name === decision);
    return taken ? frontOf(taken.branch, state, at) : DONE;
  }
  const waits = node.kind === 'timer' || node.kind === 'signal';
  return waits ? waitFront(node.path, state, at) : attemptedFront(node, state, at);
}

/** @param at what ran out of patience in this very moment has not made anything stop yet. */
function waitFront(path: string, state: SagaModelState, at: Date | undefined): Front {
  const wait = state.waitOf(path, 'forward');
  if (wait?.outcome === 'timed-out') {
    return at?.getTime() === wait.endedMs ? open(path) : { kind: 'failed', pause: false };
  }
  return wait && wait.outcome !== null ? DONE : open(path);
}

function attemptedFront(node: AttemptedNode, state: SagaModelState, at: Date | undefined): Front {
  const { path } = node;
  if (node.kind === 'already-done') return DONE;
  const tries = state.triesOf(path, 'forward');
  if (tries?.status === 'exhausted') return { kind: 'failed', pause: tries.pause };
  if (tries?.status !== 'done') return open(path, tries?.status === 'running');
  if (node.kind !== 'child') return DONE;
  const wait = state.waitOf(path, 'forward');
  if (!wait?.compensated && !wait?.abandoned) return waitFront(path, state, at);
  return at?.getTime() === wait.endedMs ? open(path) : { kind: 'failed', pause: false };
}

function open(path: string, running = false): Front {
  return { kind: 'open', next: [path], running };
}

/** The first branch to fail stops the others from beginning anything. */
function together(fronts: readonly Front[]): Front {
  const failed = fronts.filter((front) => front.kind === 'failed');
  const still = fronts.filter((front) => front.kind === 'open');
  const running = still.some((front) => front.running);
  if (failed.length > 0) {
    if (running) return { kind: 'open', next: [], running };
    return { kind: 'failed', pause: failed.every(({ pause }) => pause) };
  }
  if (still.length === 0) return DONE;
  return { kind: 'open', next: still.flatMap(({ next }) => next), running };
}
