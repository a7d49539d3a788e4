import type { SagaDefinition } from '../definition/saga-definition.ts';
import { decisionAt, type SagaState, stepAt, waitAt } from '../machine/saga-state.ts';
import { handlerOf } from '../nodes/handlers.ts';
import type { SagaNode } from '../nodes/node.ts';
import type { DiagramExit, DiagramPen, DiagramShape } from '../nodes/node-handler.ts';
import { isFinished } from '../saga-status.ts';

/** Where a box stands in the life of a saga. */
export type DiagramMark =
  | 'untouched'
  | 'running'
  | 'done'
  | 'skipped'
  | 'failed'
  | 'undoing'
  | 'undone'
  | 'stuck';

/** Something that a saga does, or an end of it. */
export interface DiagramBox {
  readonly id: string;
  readonly label: string;
  readonly shape: DiagramShape | 'end';
  readonly mark: DiagramMark;
  /** Where its undoing stands; null: there is none. */
  readonly undo: DiagramMark | null;
}

/** The way from one box to the next. */
export interface DiagramEdge {
  readonly from: string;
  readonly to: string;
  /** What it is taken for. */
  readonly label: string | null;
}

/** A definition as boxes and ways, marked with where one saga stands; whoever draws it decides how it looks. */
export interface Diagram {
  readonly boxes: readonly DiagramBox[];
  readonly edges: readonly DiagramEdge[];
}

/** What of a definition is drawn: whatever it is started with and whatever its steps need. */
export type Drawable = Pick<SagaDefinition, 'name' | 'version' | 'root' | 'nodes'>;

/** Draws a definition, and with a state what became of it. */
export function diagramOf(definition: Drawable, state?: SagaState): Diagram {
  const boxes: DiagramBox[] = [
    {
      id: 'start',
      label: `${definition.name} v${definition.version}`,
      shape: 'end',
      mark: state ? 'done' : 'untouched',
      undo: null,
    },
  ];
  const edges: DiagramEdge[] = [];
  const ids = new Map<string, string>([['start', 'start']]);
  const skipped = skippedPaths(definition, state);
  const begun = begunPaths(definition, state);
  const join = (from: readonly DiagramExit[], to: string): void => {
    for (const { from: path, label = null } of from) {
      edges.push({ from: ids.get(path) ?? path, to, label });
    }
  };
  const pen: DiagramPen = {
    box: (path, shape, from, { undo = false } = {}) => {
      const id = `n${ids.size}`;
      ids.set(path, id);
      join(from, id);
      const mark = skipped.has(path)
        ? 'skipped'
        : begun.has(path)
          ? 'done'
          : markOf(state, path, shape);
      const attempts = (state && stepAt(state, path)?.forward?.attempt) ?? 1;
      const label = attempts > 1 ? `${path} ×${attempts}` : path;
      const isUndone = mark === 'undone' || mark === 'undoing' || mark === 'stuck';
      boxes.push({ id, label, shape, mark, undo: undo ? (isUndone ? mark : 'untouched') : null });
    },
    draw: (node, from) => handlerOf(node).draw(node, pen, from),
  };
  const last = pen.draw(definition.root, [{ from: 'start' }]);
  const over = state !== undefined && isFinished(state.status);
  boxes.push({
    id: 'finish',
    label: over ? state.status : 'completed',
    shape: 'end',
    mark: over ? endMark(state.status) : 'untouched',
    undo: null,
  });
  join(last, 'finish');
  return { boxes, edges };
}

function endMark(status: SagaState['status']): DiagramMark {
  if (status === 'completed') return 'done';
  return status === 'abandoned' ? 'stuck' : 'undone';
}

/** Paths under the ways that were not taken. */
function skippedPaths(definition: Drawable, state: SagaState | undefined): Set<string> {
  const paths = new Set<string>();
  const collect = (node: SagaNode): void => {
    paths.add(node.path);
    handlerOf(node).children(node).forEach(collect);
  };
  for (const node of definition.nodes.values()) {
    const decision = node.kind === 'choice' && state ? decisionAt(state, node.path) : undefined;
    if (node.kind !== 'choice' || !decision) continue;
    for (const { name, branch } of node.cases) if (name !== decision.branch) collect(branch);
  }
  return paths;
}

/** Paths of parallel nodes of which a branch was begun. */
function begunPaths(definition: Drawable, state: SagaState | undefined): Set<string> {
  const isBegun = (node: SagaNode): boolean =>
    state !== undefined &&
    (stepAt(state, node.path) !== undefined || handlerOf(node).children(node).some(isBegun));
  const gates = [...definition.nodes.values()].filter(({ kind }) => kind === 'parallel');
  return new Set(gates.filter(isBegun).map(({ path }) => path));
}

function markOf(state: SagaState | undefined, path: string, shape: DiagramShape): DiagramMark {
  if (!state) return 'untouched';
  const step = stepAt(state, path);
  switch (step?.compensate?.status) {
    case 'done':
      return 'undone';
    case 'exhausted':
      return 'stuck';
    case 'running':
    case 'waiting':
      return 'undoing';
    case undefined:
  }
  const wait = waitAt(state, path, 'forward');
  if (wait) {
    if (wait.ended === null) return 'running';
    return wait.ended.outcome === 'timed-out' ? 'failed' : 'done';
  }
  switch (step?.forward?.status) {
    case 'done':
      return 'done';
    case 'exhausted':
      return 'failed';
    case 'running':
    case 'waiting':
      return 'running';
    case undefined:
      return shape === 'already-done' || decisionAt(state, path) ? 'done' : 'untouched';
  }
}
