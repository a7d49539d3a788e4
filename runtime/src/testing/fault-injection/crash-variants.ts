import { Rejection } from '../../errors/rejection.ts';
import type { SagaDefinition } from '../../sagas/definition/saga-definition.ts';
import type { AttemptedNode } from '../../sagas/nodes/node.ts';

/** Names of the steps that can be told to refuse, those of sagas within the saga by way of their node: `deliver/pack`. */
export function refusableSteps(definition: SagaDefinition<unknown, never>): readonly string[] {
  return [...definition.attempted.values()].flatMap((node) => {
    if (node.kind === 'child') {
      return refusableSteps(node.definition).map((step) => `${node.path}/${step}`);
    }
    return 'execute' in node ? [node.path] : [];
  });
}

/** The same definition, in which one step says no instead of doing anything. */
export function refusing<Definition extends SagaDefinition<unknown, never>>(
  definition: Definition,
  step: string,
): Definition {
  const slash = step.indexOf('/');
  const path = slash < 0 ? step : step.slice(0, slash);
  const refusal = (): never => {
    throw new Rejection('REFUSED_BY_TEST', `Step '${step}' was told to refuse.`);
  };
  const changed = (node: AttemptedNode): AttemptedNode => {
    if (node.path !== path) return node;
    if (node.kind !== 'child') return { ...node, execute: refusal } as AttemptedNode;
    return { ...node, definition: refusing(node.definition, step.slice(slash + 1)) };
  };
  const attempted = new Map([...definition.attempted].map(([at, node]) => [at, changed(node)]));
  return { ...definition, attempted };
}
