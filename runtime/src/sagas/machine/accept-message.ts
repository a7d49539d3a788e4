import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { Direction } from '../saga-event.ts';
import { accepts, type SagaMessage } from '../saga-message.ts';
import { isFinished } from '../saga-status.ts';
import { acceptableMessages } from './acceptable-messages.ts';
import type { Draft } from './draft.ts';
import { decisionAt, type SagaState, stepAt } from './saga-state.ts';

/**
 * Writes down what somebody asked for. The store accepted it in a state that may have been left since; then it is written
 * down that it came to nothing. A saga that is over has no more entries.
 */
export function acceptMessage(
  definition: SagaDefinition,
  draft: Draft,
  message: SagaMessage,
  at: Date,
): void {
  const { state } = draft;
  const { kind } = message;
  const asked = {
    at,
    messageId: message.messageId,
    ...(message.by !== undefined && { by: message.by }),
    ...(message.reason !== undefined && { reason: message.reason }),
  };
  const ignore = (why: string): void => {
    if (!isFinished(state.status)) draft.emit({ type: 'MessageIgnored', ...asked, kind, why });
  };
  if (!accepts(acceptableMessages(definition, state), kind)) {
    return ignore(`The saga was ${state.paused ? 'paused' : state.status} by then.`);
  }
  switch (message.kind) {
    case 'cancel':
      return draft.emit({ type: 'CancelRequested', ...asked });
    case 'pause':
      if (!state.paused) draft.emit({ type: 'SagaPaused', ...asked });
      return;
    case 'resume':
      return draft.emit({ type: 'SagaResumed', ...asked });
    case 'edit':
      return draft.emit({ type: 'InputEdited', ...asked, input: message.input });
    case 'signal': {
      const { name, value } = message;
      return draft.emit({ type: 'SignalReceived', ...asked, name, value });
    }
    case 'skip': {
      const { step: path, result } = message;
      const direction = state.phase;
      if (!canSkip(state, path, direction)) {
        return ignore(`Step '${path}' is not one that waits or gave up.`);
      }
      return draft.emit({ type: 'StepOverridden', ...asked, path, direction, result });
    }
    case 'rewind':
      if (!stepAt(state, message.step)) return ignore(`Step '${message.step}' was not begun.`);
      return draft.emit({ type: 'RewindStarted', ...asked, path: message.step });
    case 'undo':
    case 'force-undo': {
      const forced = message.kind === 'force-undo';
      if (!isFinished(state.status) && !forced) {
        return draft.emit({ type: 'CancelRequested', ...asked });
      }
      draft.emit({ type: 'UndoRequested', ...asked, forced });
      const error = {
        code: 'SAGA_UNDONE',
        message: `The saga was asked to be undone after it was ${state.status}.`,
        step: null,
      };
      return draft.emit({ type: 'CompensationStarted', at, error });
    }
  }
}

/** A step that nobody works at: it gave up, waits for its next attempt, or waits for the saga it began. */
function canSkip(state: SagaState, path: string, direction: Direction): boolean {
  const attempts = stepAt(state, path)?.[direction];
  if (!attempts || decisionAt(state, path)) return false;
  if (attempts.status === 'waiting' || attempts.status === 'exhausted') return true;
  return state.marks.some(
    (mark) => mark.kind === 'wait' && mark.path === path && mark.direction === direction,
  );
}
