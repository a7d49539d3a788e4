import type { SagaDefinition } from '../definition/saga-definition.ts';
import { handlerOf } from '../nodes/handlers.ts';
import type { SagaNode } from '../nodes/node.ts';
import { rewindPlaceOf } from './rewind-place.ts';
import type { SagaState } from './saga-state.ts';

/**
 * Paths of decisions and waits that a rewind leaves alone although they came after the node it goes back to: those of other
 * branches that follow on nothing that is undone. What was decided there is decided, and a signal that was heard is heard:
 * nobody would send it again.
 */
export function keptMarks(
  definition: Pick<SagaDefinition, 'root'>,
  state: Pick<SagaState, 'steps' | 'marks'>,
  path: string,
): readonly string[] {
  const place = rewindPlaceOf(state, path);
  if (!place) return [];
  const gone = new Set([path, ...state.steps.slice(place.steps).map((step) => step.path)]);
  const independent = new Set<string>();
  /** @returns whether anything of a node is undone, so that what follows on it is too. */
  const visit = (node: SagaNode, after: boolean): boolean => {
    const isSequence = node.kind === 'sequence';
    const taken = after || (!isSequence && gone.has(node.path));
    if (!taken && !isSequence) independent.add(node.path);
    let any = taken;
    for (const child of handlerOf(node).children(node)) {
      if (visit(child, isSequence ? any : taken)) any = true;
    }
    return any;
  };
  visit(definition.root, false);
  const kept = state.marks.filter((mark) => independent.has(mark.path) && !place.keeps(mark));
  return [...new Set(kept.map((mark) => mark.path))];
}
