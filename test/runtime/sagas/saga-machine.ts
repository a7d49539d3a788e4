import type { SagaDefinition } from 'potter-runtime/sagas';
import type { Failure } from '../../../runtime/src/sagas/failure.ts';
import type { MachineInput } from '../../../runtime/src/sagas/machine/machine-input.ts';
import { nextWork } from '../../../runtime/src/sagas/machine/next-work.ts';
import type { SagaState } from '../../../runtime/src/sagas/machine/saga-state.ts';
import { begin, transition } from '../../../runtime/src/sagas/machine/transition.ts';
import type { Direction } from '../../../runtime/src/sagas/saga-event.ts';

/** A saga in the machine alone. */
export class Machine {
  readonly #definition: SagaDefinition;
  #moment = { now: new Date(0), random: () => 0.5 };
  #state: SagaState;

  constructor(definition: SagaDefinition) {
    this.#definition = definition;
    const beginning = { sagaId: 's', input: null, correlationId: 'c', trace: undefined };
    this.#state = begin(definition, { ...beginning, owned: true }, this.#moment).state;
  }

  get status(): string {
    return this.#state.status;
  }

  get running(): readonly string[] {
    const { running } = nextWork(this.#definition, this.#state, this.#moment.now);
    return running.map(({ path }) => path);
  }

  end(path: string, direction: Direction, how: 'completed' | Failure['kind'], attempt = 1): void {
    this.hear(ended({ path, direction, attempt }, how));
  }

  hear(input: MachineInput): void {
    const subject = { sagaId: 's', definition: this.#definition, state: this.#state };
    this.#state = transition(subject, [input], this.#moment).state;
  }

  pass(ms: number): void {
    this.#moment = { ...this.#moment, now: new Date(this.#moment.now.getTime() + ms) };
  }
}

/** How an attempt ended. */
function ended(
  attempt: { readonly path: string; readonly direction: Direction; readonly attempt: number },
  how: 'completed' | Failure['kind'],
): MachineInput {
  if (how === 'completed') return { kind: 'attempt-completed', ...attempt, result: null };
  const error = { code: 'REFUSED', message: 'No.' };
  return { kind: 'attempt-failed', ...attempt, failure: { kind: how, outcome: 'failed', error } };
}
