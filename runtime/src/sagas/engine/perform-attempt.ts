import type { Clock } from '../../foundation/clock.ts';
import { withCorrelation } from '../../observability/correlation.ts';
import { noopTracer, type Tracer } from '../../observability/tracer.ts';
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

/**
 * Does an attempt and settles it. Code that needs no promise costs none, nor a timer for its deadline: it is over before
 * that could ring.
 */
export function performAttempt(
  { tracer }: Pick<EngineContext<unknown>, 'tracer'>,
  subject: Subject,
  node: AttemptedNode,
  running: RunningAttempt,
  host: () => AttemptHost,
): void {
  const { transactional } = attemptedHandlerOf(node);
  let doing: unknown;
  let waits: boolean;
  try {
    doing =
      tracer === noopTracer
        ? attempt(subject, node, running, host)
        : tracedAttempt(tracer, subject, node, running, host);
    waits = isThenable(doing);
  } catch (error) {
    return running.failed(error, transactional);
  }
  if (!waits) return running.completed(resultOf(running, doing), transactional);
  running.watch();
  void Promise.resolve(doing).then(
    (result) => running.completed(resultOf(running, result), transactional),
    (error: unknown) => running.failed(error, transactional),
  );
}

/** What an undo returns is nobody's: a driver's answer, say, that has no JSON form. */
function resultOf({ attempt: { direction } }: RunningAttempt, returned: unknown): unknown {
  return direction === 'forward' ? returned : undefined;
}

function isThenable(value: unknown): boolean {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    'then' in value &&
    typeof value.then === 'function'
  );
}

/** Events and calls that the step makes belong to the saga's conversation. */
function attempt(
  { sagaId, state }: Subject,
  node: AttemptedNode,
  running: RunningAttempt,
  host: () => AttemptHost,
): unknown {
  return withCorrelation({ correlationId: state.correlationId, causationId: sagaId }, () =>
    attemptedHandlerOf(node).attempt(node, invocationOf(sagaId, state, running), host),
  );
}

function tracedAttempt(
  tracer: Tracer,
  subject: Subject,
  node: AttemptedNode,
  running: RunningAttempt,
  host: () => AttemptHost,
): Promise<unknown> {
  const { sagaId, definition, state } = subject;
  const { path, direction, attempt: number } = running.attempt;
  const interruptions = stepAt(state, path)?.[direction]?.interruptedInARow ?? 0;
  const attributes = {
    'potter.saga.id': sagaId,
    'potter.saga.definition': definition.name,
    'potter.saga.step': path,
    'potter.saga.attempt': number,
    // The span of an attempt whose process died was never ended, so nobody can link to it; it is of the same trace.
    ...(interruptions > 0 && { 'potter.saga.interruptions': interruptions }),
  };
  const name = `saga ${direction === 'forward' ? 'do' : 'undo'} ${path}`;
  return tracer.span(name, { attributes, parent: state.trace }, async () =>
    attempt(subject, node, running, host),
  );
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
