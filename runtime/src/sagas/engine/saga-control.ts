import { describeError } from '../../errors/describe-error.ts';
import { PotterError } from '../../errors/potter-error.ts';
import type { Clock } from '../../foundation/clock.ts';
import { newId } from '../../foundation/ids.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { Signal } from '../definition/signal.ts';
import { editedInput } from '../machine/edited-input.ts';
import { rewindPlaceOf } from '../machine/rewind-place.ts';
import type { SagaState } from '../machine/saga-state.ts';
import { whyNotSkippable } from '../machine/skippable.ts';
import type { SagaFilter } from '../saga-directory.ts';
import { accepts, type SagaMessage } from '../saga-message.ts';
import type {
  BulkOptions,
  BulkOutcome,
  EditOptions,
  SagaAction,
  SagaOperations,
  SkipOptions,
  TellOptions,
  Told,
  UndoOptions,
} from '../saga-operations.ts';
import type { SagaStore } from '../saga-store.ts';
import { asStored } from '../stored-value.ts';
import type { DefinitionRegistry } from './definition-registry.ts';
import { refusal } from './refusal.ts';
import { sagaNotFound, type SagaReader } from './saga-reader.ts';

/** Listed at once when many sagas are told. */
const PAGE = 200;

/** How an engine tells sagas: by messages to their inboxes, whoever runs them. */
export class SagaControl implements SagaOperations {
  readonly #store: Pick<SagaStore, 'post' | 'inbox' | 'list'>;
  readonly #reader: SagaReader;
  readonly #definitions: Pick<DefinitionRegistry, 'find'>;
  readonly #clock: Clock;

  constructor(
    store: Pick<SagaStore, 'post' | 'inbox' | 'list'>,
    reader: SagaReader,
    definitions: Pick<DefinitionRegistry, 'find'>,
    clock: Clock,
  ) {
    this.#store = store;
    this.#reader = reader;
    this.#definitions = definitions;
    this.#clock = clock;
  }

  cancel(sagaId: string, options?: TellOptions): Promise<Told> {
    return this.tell(sagaId, { kind: 'cancel' }, options);
  }

  pause(sagaId: string, options?: TellOptions): Promise<Told> {
    return this.tell(sagaId, { kind: 'pause' }, options);
  }

  resume(sagaId: string, options?: TellOptions): Promise<Told> {
    return this.tell(sagaId, { kind: 'resume' }, options);
  }

  rewind(sagaId: string, step: string, options?: TellOptions): Promise<Told> {
    return this.tell(sagaId, { kind: 'rewind', step }, options);
  }

  skip(sagaId: string, step: string, options: SkipOptions = {}): Promise<Told> {
    return this.tell(sagaId, { kind: 'skip', step, result: options.result }, options);
  }

  edit(sagaId: string, input: unknown, options: EditOptions = {}): Promise<Told> {
    const { merge = false } = options;
    return this.tell(sagaId, { kind: 'edit', input, merge }, options);
  }

  undo(sagaId: string, options: UndoOptions = {}): Promise<Told> {
    return this.tell(sagaId, { kind: 'undo', force: options.force ?? false }, options);
  }

  async signal<Value>(
    sagaId: string,
    { name, parse }: Signal<Value>,
    value: NoInfer<Value>,
    options?: TellOptions,
  ): Promise<Told> {
    return this.tell(sagaId, { kind: 'signal', name, value: parse(value) }, options);
  }

  /** So many at a time, and their outcomes in the order of the sagas: whoever is slow holds back only so many. */
  async *bulk(
    filter: SagaFilter,
    action: SagaAction,
    options: BulkOptions = {},
  ): AsyncGenerator<BulkOutcome, void, undefined> {
    const { concurrency = 16, limit = Infinity, signal, messageId = newId(), ...rest } = options;
    if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
      throw new PotterError('INVALID_ARGUMENT', {
        message: `concurrency is ${concurrency}.`,
        remedy: 'Use a whole number from 1.',
      });
    }
    const told: Promise<BulkOutcome>[] = [];
    let { after } = options;
    let left = limit;
    while (left > 0) {
      const asked = Math.min(PAGE, left);
      const page = await this.#store.list(filter, {
        limit: asked,
        ...(after !== undefined && { after }),
      });
      for (const { sagaId } of page) {
        if (signal?.aborted) break;
        told.push(this.#outcome(sagaId, action, { ...rest, messageId }));
        const first = told.length >= concurrency ? told.shift() : undefined;
        if (first) yield await first;
      }
      after = page.at(-1)?.sagaId;
      left -= page.length;
      if (page.length < asked || signal?.aborted) break;
    }
    for (const outcome of told) yield await outcome;
  }

  async #outcome(sagaId: string, action: SagaAction, options: TellOptions): Promise<BulkOutcome> {
    try {
      await this.tell(sagaId, action, options);
      return { sagaId, outcome: 'accepted' };
    } catch (error) {
      return { sagaId, outcome: 'refused', error: describeError(error) };
    }
  }

  async tell(sagaId: string, action: SagaAction, options: TellOptions = {}): Promise<Told> {
    const message = messageOf(action, this.#clock.now(), options);
    const objection = await this.#objection(sagaId, message);
    if (objection) {
      // Said before: the saga may have moved on because of it.
      if (options.messageId !== undefined && (await this.#isHeard(sagaId, options.messageId))) {
        return { sagaId };
      }
      throw objection;
    }
    const outcome = await this.#store.post(sagaId, message);
    if (outcome.kind === 'not-found') throw sagaNotFound(sagaId);
    if (outcome.kind === 'refused') {
      const { state } = await this.#reader.restored(await this.#reader.stored(sagaId));
      throw refusal(sagaId, message.kind, state);
    }
    return { sagaId };
  }

  /** What the present state says against a message about a step, or about the input; the store looks at the rest. */
  async #objection(sagaId: string, message: SagaMessage): Promise<unknown> {
    const { kind } = message;
    if (kind !== 'rewind' && kind !== 'skip' && kind !== 'edit') return undefined;
    const saga = await this.#reader.stored(sagaId);
    const { state } = await this.#reader.restored(saga);
    const definition = this.#definitions.find(state.definition, state.definitionVersion);
    if (kind !== 'edit' && definition && !definition.nodes.has(message.step)) {
      return unknownStep(definition, message.step);
    }
    if (!accepts(saga.summary.accepts, kind)) return refusal(sagaId, kind, state);
    switch (kind) {
      case 'edit':
        try {
          editedInput(definition, state.input, message);
          return undefined;
        } catch (error) {
          return error;
        }
      case 'skip': {
        const why = whyNotSkippable(definition, state, message.step);
        return why === null ? undefined : refused(sagaId, why, state);
      }
      case 'rewind':
        if (rewindPlaceOf(state, message.step)) return undefined;
        return refused(sagaId, `Step '${message.step}' was not begun.`, state);
    }
  }

  async #isHeard(sagaId: string, messageId: string): Promise<boolean> {
    const inbox = await this.#store.inbox(sagaId, 0n);
    return inbox.some(({ message }) => message.messageId === messageId);
  }
}

function messageOf(
  action: SagaAction,
  at: Date,
  { messageId = newId(), by, reason }: TellOptions,
): SagaMessage {
  const told = {
    messageId,
    at,
    ...(by !== undefined && { by }),
    ...(reason !== undefined && { reason }),
  };
  switch (action.kind) {
    case 'cancel':
    case 'pause':
    case 'resume':
      return { kind: action.kind, ...told };
    case 'rewind':
      return { kind: 'rewind', ...told, step: action.step };
    case 'skip':
      return { kind: 'skip', ...told, step: action.step, result: asStored(action.result) };
    case 'edit': {
      const { input, merge } = action;
      return { kind: 'edit', ...told, input: asStored(input), ...(merge && { merge }) };
    }
    case 'undo':
      return { kind: action.force ? 'force-undo' : 'undo', ...told };
    case 'signal':
      return { kind: 'signal', ...told, name: action.name, value: asStored(action.value) };
  }
}

function unknownStep({ name, nodes }: SagaDefinition, step: string): PotterError {
  return new PotterError('SAGA_STEP_UNKNOWN', {
    message: `Saga '${name}' has no step '${step}'.`,
    remedy: `It has ${[...nodes.keys()].join(', ')}.`,
    details: { step },
  });
}

function refused(sagaId: string, why: string, { status, paused }: SagaState): PotterError {
  return new PotterError('SAGA_OPERATION_REFUSED', {
    message: `${why} Saga '${sagaId}' is ${status}${paused ? ' and paused' : ''}.`,
    remedy: 'Look at its history for the steps that it has begun.',
    details: { sagaId, status, paused },
  });
}
