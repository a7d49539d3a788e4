import type { SagaDefinition } from '../definition/saga-definition.ts';
import { type SagaState, stepAt, waitAt } from './saga-state.ts';

/**
 * Why a person cannot take a step as done, or, of a saga that is being undone, as undone; null when it can. It can be a step
 * that nobody works at: one that gave up or waits, for its next attempt, for the saga it began, for a time or a signal.
 */
export function whyNotSkippable(
  definition: Pick<SagaDefinition, 'nodes'> | undefined,
  state: SagaState,
  path: string,
): string | null {
  const { phase: direction, failure } = state;
  const kind = definition?.nodes.get(path)?.kind;
  if (definition && kind === undefined) return `There is no step '${path}'.`;
  if (kind === 'choice' || kind === 'parallel') return `'${path}' is a ${kind}, not a step.`;
  const attempts = stepAt(state, path)?.[direction];
  const doing = direction === 'forward' ? 'done' : 'undone';
  switch (attempts?.status) {
    case 'running':
      return `Step '${path}' is being ${doing} now.`;
    case 'waiting':
    case 'exhausted':
      return null;
    case 'done':
    case undefined:
  }
  // It is what the saga failed of: a child that was undone, a signal that did not come, a time that could not be made.
  if (state.status === 'failed' && failure?.step === path) return null;
  const wait = waitAt(state, path, direction);
  if (wait?.ended === null) return null;
  return attempts || wait
    ? `Step '${path}' is ${doing} already.`
    : `Step '${path}' was not begun to be ${doing}.`;
}
