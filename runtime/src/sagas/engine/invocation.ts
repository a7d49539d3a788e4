import { classify } from '../failure.ts';
import type { MachineInput } from '../machine/machine-input.ts';
import type { RunningAttempt as Attempt } from '../machine/next-work.ts';
import type { Invocation } from '../nodes/node-handler.ts';
import type { Direction, FailedOutcome, SagaError } from '../saga-event.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import { resultsOf, type SagaState, stepAt } from '../machine/saga-state.ts';
import type { RunningAttempt } from './running-attempt.ts';

/**
 * What an attempt is told. One class for both directions. A signal is made only for who asks, by an accessor of the object's
 * own, so that copies have one too; all objects share it, which makes it several times as fast as one in a literal.
 */
class AttemptInvocation {
  static readonly #SIGNAL: PropertyDescriptor & ThisType<AttemptInvocation> = {
    get() {
      return this.#running.signal;
    },
    enumerable: true,
    configurable: true,
  };

  readonly #running: RunningAttempt;
  readonly sagaId: string;
  readonly correlationId: string;
  readonly input: unknown;
  readonly results: Readonly<Record<string, unknown>>;
  readonly key: string;
  readonly as: string;
  readonly generation: number;
  readonly attempt: number;
  readonly direction: Direction;
  readonly cause: SagaError | null;
  readonly outcome: 'done' | FailedOutcome;
  readonly result: unknown;

  constructor(sagaId: string, state: SagaState, running: RunningAttempt) {
    const { path, direction, attempt } = running.attempt;
    const step = stepAt(state, path);
    Object.defineProperty(this, 'signal', AttemptInvocation.#SIGNAL);
    this.#running = running;
    this.sagaId = sagaId;
    this.correlationId = state.correlationId;
    this.input = state.input;
    this.results = resultsOf(state);
    this.as = step?.as ?? path;
    this.generation = step?.generation ?? 0;
    this.key = keyOf(sagaId, this.as, this.generation, direction);
    this.attempt = attempt;
    this.direction = direction;
    this.cause = state.cause;
    this.outcome = step?.outcome ?? 'unknown';
    // What a person put in its place is no result of its doing.
    this.result = step?.outcome === 'done' ? step.result : undefined;
  }
}

export function invocationOf(
  sagaId: string,
  state: SagaState,
  running: RunningAttempt,
): Invocation {
  return new AttemptInvocation(sagaId, state, running) as object as Invocation;
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
