import { describeError } from '../../errors/describe-error.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { SagaError } from '../saga-event.ts';
import { accepts, type SagaMessage } from '../saga-message.ts';
import { isFinished } from '../saga-status.ts';
import { abandonWaits } from './abandon-waits.ts';
import { acceptableMessages } from './acceptable-messages.ts';
import type { Draft } from './draft.ts';
import { editedInput } from './edited-input.ts';
import { keptMarks } from './kept-marks.ts';
import { rewindPlaceOf } from './rewind-place.ts';
import { whyNotSkippable } from './skippable.ts';
import { pivotOf } from './stop-reason.ts';

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
  // The store said so when it made it so, whatever the saga was doing.
  if (kind === 'locked') {
    if (state.lock === 'waiting') draft.emit({ type: 'LocksTaken', at });
    return;
  }
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
    return ignore(
      `The saga was ${state.paused ? `${state.status} and paused` : state.status} by then.`,
    );
  }
  switch (message.kind) {
    case 'cancel':
      return draft.emit({ type: 'CancelRequested', ...asked });
    case 'pause':
      if (state.paused) return ignore('The saga was paused already.');
      return draft.emit({ type: 'SagaPaused', ...asked });
    case 'resume':
      return draft.emit({ type: 'SagaResumed', ...asked });
    case 'edit': {
      let input: unknown;
      try {
        input = editedInput(definition, state.input, message);
      } catch (error) {
        return ignore(describeError(error).message);
      }
      return draft.emit({ type: 'InputEdited', ...asked, input });
    }
    case 'signal': {
      const { name, value } = message;
      return draft.emit({ type: 'SignalReceived', ...asked, name, value });
    }
    case 'skip': {
      const { step: path, result } = message;
      const direction = state.phase;
      const why = whyNotSkippable(definition, state, path);
      if (why !== null) return ignore(why);
      const pivot = path === definition.pivot && direction === 'forward';
      const skipped = { type: 'StepOverridden', ...asked, path, direction, result } as const;
      return draft.emit(pivot ? { ...skipped, pivot } : skipped);
    }
    case 'rewind': {
      const { step: path } = message;
      const place = rewindPlaceOf(state, path);
      if (!place) return ignore(`Step '${path}' was not begun.`);
      const error: SagaError = {
        code: 'SAGA_REWOUND',
        message: `The saga was asked to go back to '${path}' and on from there.`,
        step: null,
      };
      draft.emit({ type: 'RewindStarted', ...asked, path, error });
      const kept = keptMarks(definition, state, path);
      return abandonWaits(draft, at, (mark) => !place.keeps(mark) && !kept.includes(mark.path));
    }
    case 'undo':
    case 'force-undo': {
      const { status, phase } = state;
      const way = phase === 'compensate' || pivotOf(definition, state) === 'before';
      // Where a saga can turn round, undoing is what a cancel asks for.
      const over = isFinished(status);
      if (!over && way) return draft.emit({ type: 'CancelRequested', ...asked });
      const undone = {
        code: 'SAGA_UNDONE',
        message: `The saga was asked to be undone when it was ${status}.`,
        step: null,
      };
      // What was being undone already is undone for the same reason.
      const error = status === 'abandoned' ? (state.cause ?? undone) : undone;
      draft.emit({ type: 'UndoRequested', ...asked, forced: message.kind === 'force-undo' });
      abandonWaits(draft, at);
      draft.emit({ type: 'CompensationStarted', at, error });
      if (state.lock === 'none' && state.locks.length > 0) draft.emit({ type: 'LocksAwaited', at });
    }
  }
}
