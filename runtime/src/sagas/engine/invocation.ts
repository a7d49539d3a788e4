import { classify } from '../failure.ts';
import type { MachineInput } from '../machine.ts';
import type { RunningAttempt as Attempt } from '../next-work.ts';
import type { Invocation } from '../nodes/node-handler.ts';
import type { SagaDefinition } from '../saga-definition.ts';
import { resultsOf, type SagaState, stepAt } from '../saga-state.ts';
import type { RunningAttempt } from './running-attempt.ts';

/** What an attempt is told. */
export function invocationOf(
  sagaId: string,
  state: SagaState,
  running: RunningAttempt,
): Invocation {
  const { path, direction, attempt } = running.attempt;
  const step = direction === 'forward' ? undefined : stepAt(state, path);
  // One literal for both directions: a signal is made only for who asks, and a spread would ask.
  const invocation = {
    sagaId,
    correlationId: state.correlationId,
    input: state.input,
    results: resultsOf(state),
    key: `${sagaId}/${path}/${direction === 'forward' ? 'do' : 'undo'}`,
    attempt,
    get signal() {
      return running.signal;
    },
    direction,
    cause: state.cause,
    outcome: step?.outcome ?? 'unknown',
    result: step?.result,
  };
  return invocation as Invocation;
}

/** What the machine is told of an attempt that threw. */
export function failureOf(
  definition: SagaDefinition,
  at: Pick<Attempt, 'path' | 'direction' | 'attempt'>,
  thrown: unknown,
  now: Date,
): Extract<MachineInput, { kind: 'attempt-failed' }> {
  const { path, direction, attempt } = at;
  const nonRetryable = definition.attempted.get(path)?.policy[direction].nonRetryable ?? [];
  const failure = classify(thrown, nonRetryable, now);
  return { kind: 'attempt-failed', path, direction, attempt, failure };
}
