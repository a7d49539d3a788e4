import type { SagaDefinition } from '../definition/saga-definition.ts';
import { messageBits } from '../saga-message.ts';
import type { SagaState } from './saga-state.ts';
import { pivotOf } from './stop-reason.ts';

const RUNNING = messageBits('signal', 'pause', 'skip');
const PAUSED = messageBits('signal', 'pause', 'skip', 'resume', 'rewind', 'edit');
const UNDO = messageBits('undo', 'force-undo');
const STOPPABLE = messageBits('cancel') | UNDO;
const FORCED = messageBits('force-undo');
const REWIND = messageBits('rewind');
const NONE = 0;

/**
 * What a saga can be told in this state, as a sum of {@link MESSAGE_BITS}. The store compares it when a message arrives, so
 * that whoever sent it learns at once whether it counts. A cancel is heard until the saga is over or at its pivot; where it
 * is being undone it changes nothing. Past the pivot a saga is forced back only while it does nothing by itself.
 */
export function acceptableMessages(
  definition: Pick<SagaDefinition, 'pivot'>,
  state: SagaState,
): number {
  const { status, paused, phase } = state;
  switch (status) {
    case 'compensated':
      return NONE;
    case 'abandoned':
      return UNDO;
    case 'completed':
      return state.pastPivot ? FORCED : UNDO;
    case 'compensating':
      return (paused ? PAUSED & ~REWIND : RUNNING) | STOPPABLE;
    case 'pending':
    case 'running':
    case 'failed': {
      const halted = paused || status === 'failed';
      const kinds = halted ? PAUSED : RUNNING;
      if (phase === 'compensate') return (kinds & ~REWIND) | STOPPABLE;
      if (pivotOf(definition, state) === 'before') return kinds | STOPPABLE;
      return (kinds & ~REWIND) | (halted ? FORCED : NONE);
    }
  }
}
