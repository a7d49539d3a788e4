import type { SagaDefinition } from '../definition/saga-definition.ts';
import { handlerOf } from '../nodes/handlers.ts';
import type { SagaNode } from '../nodes/node.ts';
import { GraphWalk } from './graph-walk.ts';
import type { SagaState } from './saga-state.ts';

/** Whether a definition can go on with a journal that another form of it wrote. */
export function fits(definition: SagaDefinition, state: SagaState, now: Date): boolean {
  if (definition.hash === state.definitionHash) return true;
  if (state.steps.some(({ path }) => !definition.attempted.has(path))) return false;
  if (state.marks.some(({ path }) => !definition.nodes.has(path))) return false;
  const walk = new GraphWalk(definition, '', state, now);
  const fitsNode = (node: SagaNode): boolean => handlerOf(node).fits(node, walk, fitsNode);
  return fitsNode(definition.root);
}
