import type { TraceContext } from '../../observability/tracer.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { ParentLink, SagaError, SagaEvent } from '../saga-event.ts';
import { acceptAttempt, interrupted } from './accept-attempt.ts';
import { acceptMessage } from './accept-message.ts';
import { advance } from './advance.ts';
import { Draft } from './draft.ts';
import { evolve } from './evolve.ts';
import type { MachineInput } from './machine-input.ts';
import type { Moment } from './moment.ts';
import type { SagaState } from './saga-state.ts';

/** A saga as the machine is given it: its definition, its id and where it stands. */
export interface Subject {
  readonly sagaId: string;
  readonly definition: SagaDefinition;
  readonly state: SagaState;
}

/** What is to be written, and the state once it is. */
export interface Transition {
  readonly events: readonly SagaEvent[];
  readonly state: SagaState;
}

/** Facts of a start that the machine does not make up. */
export interface Beginning {
  readonly sagaId: string;
  readonly input: unknown;
  readonly correlationId: string;
  readonly trace: TraceContext | undefined;
  readonly parent?: ParentLink | undefined;
  /** Keys to wait for before anything is begun. */
  readonly locks?: readonly string[];
  /** Keys that the sagas around it hold. */
  readonly under?: readonly string[];
  /** Whether the writer goes on at once: then the first intents are part of it. */
  readonly owned: boolean;
  /** It is never to begin: its parent undid it before it was there. */
  readonly undone?: SagaError;
}

/** The first events of a saga. */
export function begin(
  definition: SagaDefinition,
  beginning: Beginning,
  moment: Moment,
): Transition {
  const { sagaId, input, correlationId, trace, parent, owned, undone } = beginning;
  const { locks = [], under = [] } = beginning;
  const { now: at } = moment;
  const { timeoutMs } = definition;
  const started: SagaEvent = {
    type: 'SagaStarted',
    at,
    definition: definition.name,
    definitionVersion: definition.version,
    definitionHash: definition.hash,
    input,
    correlationId,
    ...(trace && { trace }),
    ...(parent && { parent }),
    ...(locks.length > 0 && { locks }),
    ...(under.length > 0 && { under }),
    deadlineAt: timeoutMs === null ? null : new Date(at.getTime() + timeoutMs),
  };
  const draft = new Draft(evolve(undefined, started), [started]);
  if (undone) {
    draft.emit({ type: 'CompensationStarted', at, error: undone });
    draft.emit({ type: 'SagaCompensated', at, error: undone });
  } else if (owned) {
    advance(definition, sagaId, draft, moment);
  }
  return draft;
}

/**
 * What follows from inputs: the events to write in one commit, and the state after them. Inputs that are no longer true (the
 * result of an attempt that was given up) have no events. Pure: the same arguments give the same answer.
 */
export function transition(
  { sagaId, definition, state }: Subject,
  inputs: readonly MachineInput[],
  moment: Moment,
): Transition {
  const draft = new Draft(state, []);
  for (const input of inputs) if (input.kind !== 'unfit') accept(definition, draft, input, moment);
  // Whatever it was told meanwhile, a saga does not go on under a definition that it does not fit.
  for (const input of inputs) if (input.kind === 'unfit') accept(definition, draft, input, moment);
  advance(definition, sagaId, draft, moment);
  return draft;
}

function isOfThisEnd(
  { parentTold, status, asked }: SagaState,
  told: Extract<MachineInput, { kind: 'parent-told' }>,
): boolean {
  return !parentTold && status === told.status && asked.length === told.asked;
}

function accept(
  definition: SagaDefinition,
  draft: Draft,
  input: MachineInput,
  moment: Moment,
): void {
  const { now: at } = moment;
  switch (input.kind) {
    case 'timer':
      return;
    case 'attempt-completed':
    case 'attempt-failed':
      return acceptAttempt(definition, draft, input, moment);
    case 'message':
      return acceptMessage(definition, draft, input.message, at);
    case 'recovered':
      return interrupted(definition, draft, at);
    case 'parent-told':
      // It may have been undone since: that is another end, and to be told too.
      if (isOfThisEnd(draft.state, input)) {
        draft.emit({ type: 'ParentTold', at });
      }
      return;
    case 'migrated':
      return draft.emit({
        type: 'DefinitionMigrated',
        at,
        fromVersion: input.fromVersion,
        toVersion: definition.version,
        definitionHash: definition.hash,
        renamed: input.renamed,
      });
    case 'unfit':
      interrupted(definition, draft, at);
      if (draft.state.status !== 'failed') {
        draft.emit({ type: 'SagaFailed', at, error: input.error });
      }
  }
}
