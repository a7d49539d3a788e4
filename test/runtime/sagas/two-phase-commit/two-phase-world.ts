import {
  type Branch,
  InMemoryTwoPhaseLog,
  TwoPhaseCoordinator,
  type TwoPhaseCoordinatorOptions,
  type TwoPhaseEvent,
} from 'potter-runtime/sagas';
import { FakeTwoPhaseParticipant, VirtualClock } from 'potter-runtime/testing';

/** Three participants and a log in memory, on a clock that stands still. */
export class TwoPhaseWorld {
  readonly clock = new VirtualClock();
  readonly log = new InMemoryTwoPhaseLog({ clock: this.clock });
  readonly east = new FakeTwoPhaseParticipant('east', { clock: this.clock });
  readonly west = new FakeTwoPhaseParticipant('west', { clock: this.clock });
  readonly north = new FakeTwoPhaseParticipant('north', { clock: this.clock });
  readonly events: TwoPhaseEvent[] = [];

  get participants(): readonly FakeTwoPhaseParticipant[] {
    return [this.east, this.west, this.north];
  }

  /** A process's coordinator. */
  coordinator(options: Partial<TwoPhaseCoordinatorOptions> = {}): TwoPhaseCoordinator {
    return new TwoPhaseCoordinator({
      log: this.log,
      participants: this.participants,
      clock: this.clock,
      random: () => 0.5,
      onEvent: (event) => this.events.push(event),
      ...options,
    });
  }

  /** Work for some of them. */
  branches(...names: readonly string[]): readonly Branch[] {
    return names.map((participant) => ({ participant, work: { for: participant } }));
  }
}
