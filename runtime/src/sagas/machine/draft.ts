import type { SagaEvent } from '../saga-event.ts';
import { apply } from './evolve.ts';
import type { SagaState } from './saga-state.ts';
import { draftOf, type StateDraft } from './state-draft.ts';

/** Events written so far and the state they lead to. */
export class Draft {
  readonly state: StateDraft;
  readonly events: SagaEvent[];

  constructor(state: SagaState, events: SagaEvent[]) {
    this.state = draftOf(state);
    this.events = events;
  }

  emit(event: Exclude<SagaEvent, { type: 'SagaStarted' }>): void {
    this.events.push(event);
    apply(this.state, event);
  }
}
