import { PotterError } from '../../errors/potter-error.ts';
import type { SagaState } from '../machine/saga-state.ts';
import type { SagaStatus } from '../saga-event.ts';
import type { MessageKind } from '../saga-message.ts';
import { isFinished } from '../saga-status.ts';

/** What is left to do about a saga that is over. */
const remedies: Readonly<Partial<Record<SagaStatus, string>>> = {
  completed: 'Undo it, or start another saga to put right what it did.',
  abandoned: 'Undo it: what remains to be undone is tried again.',
};

/** Why a saga in this state does not take a message of this kind. */
export function refusal(sagaId: string, kind: MessageKind, state: SagaState): PotterError {
  const { status, paused } = state;
  const details = { sagaId, status, paused };
  switch (kind) {
    case 'resume':
      return new PotterError('SAGA_NOT_RESUMABLE', {
        message: `Saga '${sagaId}' is ${status}, neither failed nor paused.`,
        remedy:
          status === 'abandoned'
            ? 'Undo it: what remains to be undone is tried again.'
            : 'Look at its status; only a failed or paused saga waits to be resumed.',
        details,
      });
    case 'undo':
    case 'force-undo':
      return status === 'compensated' ? alreadyFinished() : pastPivot();
    case 'cancel':
      return isFinished(status) ? alreadyFinished() : pastPivot();
    case 'rewind':
    case 'edit':
    case 'skip':
    case 'pause':
    case 'signal':
    case 'locked':
      if (isFinished(status)) return alreadyFinished();
      return kind === 'rewind' && (paused || status === 'failed') ? noWayBack() : notPaused();
  }

  function alreadyFinished(): PotterError {
    return new PotterError('SAGA_ALREADY_FINISHED', {
      message: `Saga '${sagaId}' is ${status}.`,
      remedy: remedies[status] ?? 'Start another saga to put right what this one did.',
      details,
    });
  }

  function pastPivot(): PotterError {
    const remedy =
      kind === 'force-undo'
        ? 'Pause it first: only what does nothing by itself is forced back.'
        : 'Let it complete; or force it back, once it is paused or has failed.';
    return new PotterError('SAGA_PAST_PIVOT', {
      message: `Saga '${sagaId}' is ${status} and at or past its pivot: it goes forward only.`,
      remedy: status === 'completed' ? 'Force it back, if that is what has to be.' : remedy,
      details,
    });
  }

  function noWayBack(): PotterError {
    if (state.phase === 'forward') return pastPivot();
    return new PotterError('SAGA_OPERATION_REFUSED', {
      message: `Saga '${sagaId}' is being undone: it has no step to go on from.`,
      remedy: 'Resume it, or skip the undo that gave up; then start it anew.',
      details,
    });
  }

  function notPaused(): PotterError {
    return new PotterError('SAGA_OPERATION_REFUSED', {
      message: `Saga '${sagaId}' is ${status} and not paused.`,
      remedy: 'Pause it first, and wait until it shows as paused.',
      details,
    });
  }
}
