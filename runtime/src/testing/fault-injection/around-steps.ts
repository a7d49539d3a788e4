import type { SagaDefinition } from '../../sagas/definition/saga-definition.ts';
import type { AttemptPolicy } from '../../sagas/definition/step-options.ts';
import type { AttemptedNode } from '../../sagas/nodes/node.ts';
import type { Invocation } from '../../sagas/nodes/node-handler.ts';

/** A call of a step's own code, or of its undo's. */
export interface StepCall {
  readonly key: string;
  readonly signal: AbortSignal;
  /** It is part of a transaction, which commits or not. */
  readonly isTransactional: boolean;
}

/** Stands between the engine and a step: `proceed` calls it, twice when called twice. */
export type StepInterceptor = (call: StepCall, proceed: () => unknown) => unknown;

/**
 * The same definition with something standing between the engine and every step of it, those of sagas within it too. Steps that
 * begin sagas, and those of several participants, have no code of their own that calls a participant.
 * @param timeoutMs an attempt gets no longer than that. Default: as the definition says.
 */
export function aroundSteps<Definition extends SagaDefinition<unknown, never>>(
  definition: Definition,
  intercept: StepInterceptor,
  timeoutMs: number = Infinity,
): Definition {
  const policyOf = (policy: AttemptPolicy): AttemptPolicy => ({
    ...policy,
    timeoutMs: Math.min(policy.timeoutMs, timeoutMs),
  });
  // Sagas that have the same one within them must go on having the same one.
  const made = new Map<SagaDefinition<unknown, never>, SagaDefinition<unknown, never>>();
  const changed = <Known extends SagaDefinition<unknown, never>>(known: Known): Known => {
    const before = made.get(known);
    if (before) return before as Known;
    const attempted = new Map([...known.attempted].map(([path, node]) => [path, around(node)]));
    const now = { ...known, attempted };
    made.set(known, now);
    return now;
  };
  const around = (node: AttemptedNode): AttemptedNode => {
    if (node.kind === 'child') return { ...node, definition: changed(node.definition) };
    if (node.kind === 'two-phase-commit') return node;
    const isTransactional = node.kind !== 'step';
    const through =
      (call: ((invocation: never) => unknown) | undefined) =>
      (invocation: Invocation): unknown =>
        intercept({ key: invocation.key, signal: invocation.signal, isTransactional }, () =>
          call?.(invocation as never),
        );
    return {
      ...node,
      policy: {
        forward: policyOf(node.policy.forward),
        compensate: policyOf(node.policy.compensate),
      },
      ...('execute' in node && { execute: through(node.execute) }),
      ...(node.compensate && { compensate: through(node.compensate) }),
    };
  };
  return changed(definition);
}
