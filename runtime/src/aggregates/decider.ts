import type { Event, EventOfType, NewEvent } from '../events/event.ts';
import type { StateSchema } from '../snapshots/state-schema.ts';
import { type AggregateDefinition, unknownEvent } from './aggregate-definition.ts';

/** What a command decides: one event, several, or none (`[]`). Each may bring its own id, tags and metadata. */
export type Decision<E extends Event> = NewEvent<E> | readonly NewEvent<E>[];

/**
 * A command of a decider: a function of the state, made by a function of its arguments.
 * `const deposit = (amountCents: number) => (state: Account): MoneyDeposited => …`. It refuses by throwing a
 * `Rejection`. It may run more than once for one call, on newer states, so it has no effects of its own.
 */
export type DeciderCommand<State, E extends Event> = (
  state: State,
) => Decision<E> | Promise<Decision<E>>;

/** One case for every event: the state after it. A missing case does not compile. */
export type Evolve<State, E extends Event> = {
  readonly [Type in E['type']]: (state: State, event: EventOfType<E, Type>) => State;
};

/** An aggregate as plain functions. */
export interface DeciderOptions<State, E extends Event> {
  /** Category of the streams: `bank-account`. Stored with every event; not to be changed. */
  readonly type: string;
  /** The state before the first event. Equal every time: no clock, no random numbers. */
  readonly initial: () => State;
  readonly evolve: Evolve<State, E>;
  /** How snapshots hold the state. Default: version 1, the state is plain data as it is. */
  readonly snapshot?: Partial<StateSchema<State>>;
}

/** An aggregate as plain functions, ready for a repository. */
export type Decider<State, E extends Event> = AggregateDefinition<
  State,
  E,
  DeciderCommand<State, E>
>;

/**
 * Defines an aggregate as plain functions: `decider<Account, AccountEvent>({ type, initial, evolve })`. Commands stand
 * on their own and are handed to the repository.
 */
export function decider<State, E extends Event>(
  options: DeciderOptions<State, E>,
): Decider<State, E> {
  const { type, initial } = options;
  const cases = new Map<string, (state: State, event: E) => State>(Object.entries(options.evolve));
  const evolve = (state: State, event: E): State => {
    const next = cases.get(event.type);
    if (next === undefined) throw unknownEvent(type, event, cases.keys());
    return next(state, event);
  };
  return {
    type,
    mutable: false,
    initial,
    evolve,
    decide: async (state, command) => {
      const decision = await command(state);
      const events = isList(decision) ? decision : [decision];
      return { events, state: events.reduce<State>(evolve, state) };
    },
    snapshot: {
      version: 1,
      toJson: (state) => state,
      // What toJson took is what fromJson gives: the hash of the snapshot vouches for it.
      fromJson: (json) => json as State,
      ...options.snapshot,
    },
  };
}

/** Array.isArray does not narrow readonly arrays. */
function isList<E extends Event>(decision: Decision<E>): decision is readonly NewEvent<E>[] {
  return Array.isArray(decision);
}
