import type { SagaDefinition } from '../definition/saga-definition.ts';
import { messageBits } from '../saga-message.ts';
import type { SagaState } from './saga-state.ts';
import { pivotOf } from './stop-reason.ts';

const RUNNING = messageBits('signal', 'pause');
const PAUSED = messageBits('signal', 'pause', 'resume', 'rewind', 'skip', 'edit');
const STOPPABLE = messageBits('cancel', 'undo');
const COMPLETED = messageBits('undo', 'force-undo');
const FORCED = messageBits('force-undo');
const REWIND = messageBits('rewind');
const NONE = 0;

/**
 * What a saga can be told in this state, as a sum of {@link MESSAGE_BITS}. The store compares it when a message arrives, so
 * that whoever sent it learns at once whether it counts. A cancel is heard until the saga is over or at its pivot; where it
 * is being undone it changes nothing.
 */
export function acceptableMessages(
  definition: Pick<SagaDefinition, 'pivot'>,
  state: SagaState,
): number {
  const { status, paused, phase, rewindTo } = state;
  switch (status) {
    case 'compensated':
      return NONE;
    case 'completed':
      return state.pastPivot ? FORCED : COMPLETED;
    case 'compensating':
      return (paused ? PAUSED & ~REWIND : RUNNING) | STOPPABLE;
    case 'pending':
    case 'running':
    case 'failed': {
      const kinds = paused || status === 'failed' ? PAUSED : RUNNING;
      if (phase === 'compensate') return (kinds & ~REWIND) | STOPPABLE;
      if (pivotOf(definition, state) === 'before' || rewindTo !== null) return kinds | STOPPABLE;
      return (kinds & ~REWIND) | (status === 'failed' ? FORCED : NONE);
    }
  }
}
