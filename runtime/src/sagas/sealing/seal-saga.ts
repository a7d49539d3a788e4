import type { JournalEntry, SagaEvent } from '../saga-event.ts';
import type { SagaMessage } from '../saga-message.ts';
import type { InboxEntry, StoredSaga } from '../saga-store.ts';
import { openText, openValue, type PayloadCodec, sealValue } from './payload-codec.ts';

type Turn = (value: unknown) => unknown;

/** The members of events that are a user's: inputs, results, values of signals. */
function turnEvent(event: SagaEvent, turn: Turn): SagaEvent {
  switch (event.type) {
    case 'SagaStarted':
    case 'InputEdited':
      return { ...event, input: turn(event.input) };
    case 'AttemptCompleted':
      return { ...event, result: turn(event.result) };
    case 'StepOverridden':
      return event.result === undefined ? event : { ...event, result: turn(event.result) };
    case 'SignalReceived':
    case 'WaitEnded':
      return event.value === undefined ? event : { ...event, value: turn(event.value) };
    case 'AttemptStarted':
    case 'AttemptFailed':
    case 'Decided':
    case 'StepSkipped':
    case 'WaitStarted':
    case 'CancelRequested':
    case 'SagaPaused':
    case 'SagaResumed':
    case 'RewindStarted':
    case 'Rewound':
    case 'UndoRequested':
    case 'MessageIgnored':
    case 'CompensationStarted':
    case 'SagaCompleted':
    case 'SagaCompensated':
    case 'SagaFailed':
    case 'SagaAbandoned':
    case 'ParentTold':
    case 'LocksTaken':
    case 'LocksAwaited':
    case 'DefinitionMigrated':
      break;
  }
  // One of a newer version of the runtime is passed on as well.
  return event;
}

function turnMessage(message: SagaMessage, turn: Turn): SagaMessage {
  switch (message.kind) {
    case 'edit':
      return { ...message, input: turn(message.input) };
    case 'skip':
      return message.result === undefined ? message : { ...message, result: turn(message.result) };
    case 'signal':
      return message.value === undefined ? message : { ...message, value: turn(message.value) };
    case 'cancel':
    case 'pause':
    case 'resume':
    case 'rewind':
    case 'undo':
    case 'force-undo':
    case 'locked':
      return message;
  }
}

export function sealEvents(
  events: readonly SagaEvent[],
  codec: PayloadCodec,
): readonly SagaEvent[] {
  return events.map((event) => turnEvent(event, (value) => sealValue(value, codec)));
}

export function openEntry({ seq, event }: JournalEntry, codec: PayloadCodec): JournalEntry {
  return { seq, event: turnEvent(event, (value) => openValue(value, codec)) };
}

export function sealMessage(message: SagaMessage, codec: PayloadCodec): SagaMessage {
  return turnMessage(message, (value) => sealValue(value, codec));
}

export function openInbox(
  inbox: readonly InboxEntry[],
  codec: PayloadCodec,
): readonly InboxEntry[] {
  return inbox.map(({ seq, message }) => ({
    seq,
    message: turnMessage(message, (value) => openValue(value, codec)),
  }));
}

export function openSaga<Saga extends StoredSaga>(saga: Saga, codec: PayloadCodec): Saga {
  const { snapshot, tail } = saga;
  return {
    ...saga,
    snapshot: snapshot && { ...snapshot, state: openText(snapshot.state, codec) },
    tail: tail.map((entry) => openEntry(entry, codec)),
  };
}
