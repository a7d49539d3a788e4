import type { SagaDefinition } from '../definition/saga-definition.ts';
import { GraphWalk } from '../machine/graph-walk.ts';
import type { SagaState } from '../machine/saga-state.ts';
import { handlerOf } from '../nodes/handlers.ts';
import type { SagaNode } from '../nodes/node.ts';
import type { Standing } from './old-states.ts';

/** Why a definition cannot go on with a saga, as the end of a sentence. */
export function whyUnfit(
  definition: SagaDefinition,
  standing: Standing,
  nameOf: (path: string) => string,
  state: SagaState,
): string {
  for (const begun of standing) {
    const path = nameOf(begun.path);
    const node = definition.nodes.get(path);
    const called = path === begun.path ? `'${path}'` : `'${begun.path}', now '${path}',`;
    if (!node) return `${called} is gone, or was renamed without a word in migrateFrom`;
    if (begun.kind === 'attempted' && !definition.attempted.has(path)) {
      return `${called} is a ${node.kind} now`;
    }
    if (begun.kind !== 'decision' || begun.branch === null) continue;
    if (node.kind !== 'choice') return `${called} is a ${node.kind} now`;
    if (node.cases.every(({ name }) => name !== begun.branch)) {
      return `${called} has no way '${begun.branch}' any more`;
    }
  }
  const walk = new GraphWalk(definition, '', state, state.updatedAt);
  const gap = gapIn(definition.root, walk);
  return gap
    ? `'${gap.missing}' comes before '${gap.begun}' now, and it has not begun it`
    : 'its steps are in other branches now';
}

/** A node that was not begun, before one in the same row that was. */
function gapIn(
  node: SagaNode,
  walk: GraphWalk,
): { readonly missing: string; readonly begun: string } | undefined {
  const children = handlerOf(node).children(node);
  if (node.kind === 'sequence') {
    const missing = children.find((child) => !walk.begun(child));
    const after = missing ? children.slice(children.indexOf(missing)) : [];
    const begun = after.find((child) => walk.begun(child));
    if (missing && begun) return { missing: missing.path, begun: begun.path };
  }
  for (const child of children) {
    const gap = walk.begun(child) ? gapIn(child, walk) : undefined;
    if (gap) return gap;
  }
  return undefined;
}
