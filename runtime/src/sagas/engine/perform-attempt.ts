import type { Clock } from '../../foundation/clock.ts';
import { withCorrelation } from '../../observability/correlation.ts';
import { noopTracer } from '../../observability/tracer.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { MachineInput } from '../machine/machine-input.ts';
import { type SagaState, stepAt } from '../machine/saga-state.ts';
import { attemptedHandlerOf } from '../nodes/handlers.ts';
import type { AttemptedNode } from '../nodes/node.ts';
import type { AttemptHost } from '../nodes/node-handler.ts';
import type { EngineContext } from './engine-context.ts';
import { failureOf, invocationOf } from './invocation.ts';
import type { RunningAttempt, Settlement } from './running-attempt.ts';

/** The saga an attempt is part of, as it stood when the attempt began. */
interface Subject {
  readonly sagaId: string;
  readonly definition: SagaDefinition;
  readonly state: SagaState;
}

/** Does an attempt: as part of the saga's conversation and, where somebody traces, in a span. */
export function performAttempt(
  { tracer }: Pick<EngineContext<unknown>, 'tracer'>,
  { sagaId, definition, state }: Subject,
  node: AttemptedNode,
  running: RunningAttempt,
  host: AttemptHost,
): Promise<unknown> {
  // Events and calls that the step makes belong to the saga's conversation.
  const conversation = { correlationId: state.correlationId, causationId: sagaId };
  const work = (): Promise<unknown> =>
    withCorrelation(conversation, () =>
      attemptedHandlerOf(node).attempt(node, invocationOf(sagaId, state, running), host),
    );
  if (tracer === noopTracer) return work();
  const { path, direction, attempt } = running.attempt;
  const interruptions = stepAt(state, path)?.[direction]?.interruptedInARow ?? 0;
  const attributes = {
    'potter.saga.id': sagaId,
    'potter.saga.definition': definition.name,
    'potter.saga.step': path,
    'potter.saga.attempt': attempt,
    // The span of an attempt whose process died was never ended, so nobody can link to it; it is of the same trace.
    ...(interruptions > 0 && { 'potter.saga.interruptions': interruptions }),
  };
  const name = `saga ${direction === 'forward' ? 'do' : 'undo'} ${path}`;
  return tracer.span(name, { attributes, parent: state.trace }, work);
}

/** What the machine is told of an attempt that ended. */
export function endOf(
  definition: SagaDefinition,
  { attempt: { path, direction, attempt } }: RunningAttempt,
  settlement: Settlement,
  clock: Clock,
): MachineInput {
  switch (settlement.kind) {
    case 'completed':
      return { kind: 'attempt-completed', path, direction, attempt, result: settlement.result };
    case 'failed':
      return failureOf(definition, { path, direction, attempt }, settlement.thrown, clock.now());
    case 'given-up':
      return { kind: 'attempt-failed', path, direction, attempt, failure: settlement.failure };
  }
}
