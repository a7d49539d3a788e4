import { PotterError } from '../../errors/potter-error.ts';
import { Rejection } from '../../errors/rejection.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import { resultsOf, type SagaState } from '../machine/saga-state.ts';
import { childIdOf, type ChildNode, childSignal, undoMessageId } from '../nodes/child.ts';
import type { ChildOutcome, Invocation } from '../nodes/node-handler.ts';
import type { ParentLink, SagaError } from '../saga-event.ts';
import type { SagaStore } from '../saga-store.ts';
import { asStored } from '../stored-value.ts';

/** A child to be created. */
export interface NewChild {
  readonly sagaId: string;
  readonly correlationId: string;
  readonly parent: ParentLink;
  /** Keys that the sagas around it hold. */
  readonly under?: readonly string[];
  /** It is never to begin. */
  readonly undone?: SagaError;
}

/** How sagas begin, undo and hear of the sagas within them. All of it is repeatable: the ids are made of the parent's. */
export class ChildSagas {
  readonly #store: Pick<SagaStore, 'post'>;
  readonly #now: () => Date;
  readonly #create: (
    definition: SagaDefinition,
    input: unknown,
    child: NewChild,
  ) => Promise<{ readonly created: boolean }>;

  constructor(
    store: Pick<SagaStore, 'post'>,
    now: () => Date,
    create: (
      definition: SagaDefinition,
      input: unknown,
      child: NewChild,
    ) => Promise<{ readonly created: boolean }>,
  ) {
    this.#store = store;
    this.#now = now;
    this.#create = create;
  }

  async start(node: ChildNode, invocation: Invocation, held: readonly string[]): Promise<void> {
    await this.#create(node.definition as SagaDefinition, inputOf(node, invocation), {
      sagaId: idOf(invocation),
      correlationId: invocation.correlationId,
      parent: parentOf(invocation),
      under: held,
    });
  }

  /**
   * Asks a child to be undone; its end is told to the parent as any end is. One that is not there is created as undone, so
   * that a start that is still on its way finds its place taken.
   */
  async undo(node: ChildNode, invocation: Invocation): Promise<void> {
    const sagaId = idOf(invocation);
    const messageId = undoMessageId(sagaId, invocation.attempt);
    for (;;) {
      const outcome = await this.#store.post(sagaId, { kind: 'undo', messageId, at: this.#now() });
      switch (outcome.kind) {
        case 'accepted':
          return;
        case 'refused':
          if (outcome.status === 'compensated') {
            const error = causeOf(invocation);
            // What it said of its end may have come when this saga was over itself, and was not heard; or it was heard long
            // ago, and would not be again: this is the answer to this asking.
            return this.#tell(
              parentOf(invocation),
              { sagaId, status: 'compensated', error },
              messageId,
            );
          }
          throw pastPivot(sagaId, outcome.status);
        case 'not-found': {
          const undone = causeOf(invocation);
          const { created } = await this.#create(
            node.definition as SagaDefinition,
            inputOf(node, invocation),
            {
              sagaId,
              correlationId: invocation.correlationId,
              parent: parentOf(invocation),
              undone,
            },
          );
          if (created) return;
        }
      }
    }
  }

  /** A parent that is over or gone wants to know nothing more. */
  async tellParent(sagaId: string, state: SagaState): Promise<void> {
    const { parent, status } = state;
    if (!parent) return;
    if (status === 'completed') {
      return this.#tell(parent, { sagaId, status, results: resultsOf(state) });
    }
    const error = state.failure ?? state.cause ?? unknownCause(sagaId);
    await this.#tell(
      parent,
      status === 'abandoned'
        ? { sagaId, status, error, asked: state.asked }
        : { sagaId, status: 'compensated', error },
    );
  }

  /** Repeatable, but a saga may be abandoned again each time that it is asked to be undone. */
  async #tell(
    parent: ParentLink,
    value: ChildOutcome,
    messageId = endMessageId(value),
  ): Promise<void> {
    await this.#store.post(parent.sagaId, {
      kind: 'signal',
      name: childSignal(parent.path),
      messageId,
      at: this.#now(),
      value,
    });
  }
}

function endMessageId(value: ChildOutcome): string {
  const { sagaId, status } = value;
  return `${sagaId}:${status}${status === 'abandoned' ? `:${value.asked.length}` : ''}`;
}

function idOf({ sagaId, as, generation }: Invocation): string {
  return childIdOf(sagaId, as, generation);
}

function parentOf({ sagaId, as }: Invocation): ParentLink {
  return { sagaId, path: as };
}

function causeOf(invocation: Invocation): SagaError {
  return invocation.direction === 'compensate' ? invocation.cause : never();
}

function inputOf(node: ChildNode, invocation: Invocation): unknown {
  const { sagaId, correlationId, input, results } = invocation;
  return asStored(node.input({ sagaId, correlationId, input, results }));
}

/** Completed past its pivot, a child stays done and a person must look; before it is completed, that may yet change. */
function pastPivot(sagaId: string, status: string): Error {
  const message = `Saga '${sagaId}' within this one is ${status} and past its pivot.`;
  return status === 'completed'
    ? new Rejection('SAGA_PAST_PIVOT', message)
    : new PotterError('SAGA_PAST_PIVOT', {
        message,
        remedy: 'Wait until it is completed, force it back, or skip this undo.',
        details: { sagaId, status },
      });
}

function unknownCause(sagaId: string): SagaError {
  return {
    code: 'INTERNAL_ERROR',
    message: `Saga '${sagaId}' was undone for no known reason.`,
    step: null,
  };
}

function never(): never {
  throw new TypeError('Only an undo asks a child to be undone.');
}
