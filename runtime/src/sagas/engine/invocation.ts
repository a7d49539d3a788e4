import { classify } from '../failure.ts';
import type { MachineInput } from '../machine/machine-input.ts';
import type { RunningAttempt as Attempt } from '../machine/next-work.ts';
import type { Invocation } from '../nodes/node-handler.ts';
import type { Direction } from '../saga-event.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import { resultsOf, type SagaState, stepAt } from '../machine/saga-state.ts';
import type { RunningAttempt } from './running-attempt.ts';

/** What an attempt is told. */
export function invocationOf(
  sagaId: string,
  state: SagaState,
  running: RunningAttempt,
): Invocation {
  const { path, direction, attempt } = running.attempt;
  const step = stepAt(state, path);
  const generation = step?.generation ?? 0;
  // One literal for both directions: a signal is made only for who asks, and a spread would ask.
  const invocation = {
    sagaId,
    correlationId: state.correlationId,
    input: state.input,
    results: resultsOf(state),
    key: keyOf(sagaId, path, generation, direction),
    generation,
    attempt,
    get signal() {
      return running.signal;
    },
    direction,
    cause: state.cause,
    outcome: step?.outcome ?? 'unknown',
    // What a person put in its place is no result of its doing.
    result: step?.outcome === 'done' ? step.result : undefined,
  };
  return invocation as Invocation;
}

/** The same in every process and for ever, until the saga is rewound: then what is done again is another doing. */
function keyOf(sagaId: string, path: string, generation: number, direction: Direction): string {
  const step = generation === 0 ? path : `${path}~${generation}`;
  return `${sagaId}/${step}/${direction === 'forward' ? 'do' : 'undo'}`;
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
