import type { DecideContext } from '../definition/step-context.ts';
import type { DiagramExit, NodeHandler, Note, Progress, Walk } from './node-handler.ts';
import { DONE, defect, noting } from './progress.ts';
import type { SequenceNode } from './sequence.ts';

/** One way a saga can go. */
export interface ChoiceCase {
  readonly name: string;
  readonly branch: SequenceNode;
}

/** Where a saga goes one of several ways, or none. */
export interface ChoiceNode {
  readonly kind: 'choice';
  readonly path: string;
  readonly cases: readonly ChoiceCase[];
  /** Names the case to take; null, or a name that is no case's: none. */
  readonly decide: (context: DecideContext<unknown, unknown>) => string | null;
  /** Why the steps of a case are skipped, for people. */
  readonly reason: (skipped: string) => string;
}

/** Asked once: the answer is in the journal before anything of the case is begun, and what is skipped is there too. */
function forward(node: ChoiceNode, walk: Walk): Progress {
  const decision = walk.decision(node.path);
  if (decision) {
    const taken = node.cases.find(({ name }) => name === decision.branch);
    return taken ? walk.forward(taken.branch) : DONE;
  }
  let chosen: string | null;
  try {
    chosen = node.decide(walk.context());
  } catch (error) {
    return defect(node.path, error, walk);
  }
  const branch = node.cases.some(({ name }) => name === chosen) ? chosen : null;
  const skipped = node.cases
    .filter(({ name }) => name !== branch)
    .flatMap(({ name, branch: passed }) =>
      walk
        .leaves(passed)
        .map(({ path }): Note => ({ type: 'StepSkipped', path, reason: node.reason(name) })),
    );
  return noting({ type: 'Decided', path: node.path, branch }, ...skipped);
}

export const choiceHandler: NodeHandler<ChoiceNode> = {
  forward,
  compensate: (node, walk) => {
    const branch = walk.decision(node.path)?.branch;
    const taken = node.cases.find(({ name }) => name === branch);
    return taken && walk.begun(taken.branch) ? walk.compensate(taken.branch) : DONE;
  },
  begun: (node, walk) => walk.decision(node.path) !== undefined,
  children: (node) => node.cases.map(({ branch }) => branch),
  undoUnits: (node, walk) => node.cases.flatMap(({ branch }) => walk.undoUnits(branch)),
  fits: (node, walk, fits) => {
    const branch = walk.decision(node.path)?.branch;
    const taken = node.cases.find(({ name }) => name === branch);
    return taken ? !walk.begun(taken.branch) || fits(taken.branch) : (branch ?? null) === null;
  },
  describe: (node, describe) => ({
    kind: node.kind,
    path: node.path,
    cases: node.cases.map(({ name, branch }) => [name, describe(branch)]),
  }),
  draw: (node, pen, from) => {
    pen.box(node.path, 'choice', from);
    const exits: DiagramExit[] = node.cases.flatMap(({ name, branch }) =>
      pen.draw(branch, [{ from: node.path, label: name }]),
    );
    return node.cases.some(({ name }) => name === 'otherwise')
      ? exits
      : [...exits, { from: node.path, label: 'otherwise' }];
  },
};
