import type { Event, EventOfType, NewEvent } from '../events/event.ts';
import type { StateSchema } from '../snapshots/state-schema.ts';
import { type AggregateDefinition, unknownEvent } from './aggregate-definition.ts';

/** One case for every event: changes the object. A missing case does not compile. */
export type EventCases<E extends Event> = {
  readonly [Type in E['type']]: (event: EventOfType<E, Type>) => void;
};

/**
 * Base of an aggregate that is written as a class. Methods check the rules, throw a `Rejection` or {@link raise}
 * events; only the cases of `when` change fields, because a stream is replayed through them alone.
 */
export abstract class Aggregate<E extends Event> {
  readonly #raised: NewEvent<E>[] = [];

  /** What each event changes. */
  protected abstract readonly when: EventCases<E>;

  /** Applies an event and keeps it for the repository to append. */
  protected raise(event: NewEvent<E>): void {
    this.#apply(event);
    this.#raised.push(event);
  }

  /** For the repository: applies a stored event. */
  static replay<E extends Event>(instance: Aggregate<E>, event: E): void {
    instance.#apply(event);
  }

  /** For the repository: takes the events raised since the last call. */
  static takeRaised<E extends Event>(instance: Aggregate<E>): readonly NewEvent<E>[] {
    return instance.#raised.splice(0);
  }

  #apply(event: E): void {
    const { when } = this;
    const type: E['type'] = event.type;
    if (!Object.hasOwn(when, type))
      throw unknownEvent(this.constructor.name, event, Object.keys(when));
    // The key chose the case, so the event is of its type; a mapped type cannot say so for a union.
    (when[type] as (event: E) => void)(event);
  }
}

/**
 * A command of a class aggregate: `(account) => account.deposit(5_000)`. What it returns is ignored, a promise is
 * awaited. It may run more than once for one call, each time on a fresh instance.
 */
export type AggregateCommand<Instance> = (instance: Instance) => unknown;

/** An aggregate as a class. */
export interface AggregateOptions<E extends Event, Instance extends Aggregate<E>> {
  /** Category of the streams: `bank-account`. Stored with every event; not to be changed. */
  readonly type: string;
  /** An instance that has seen no event. Equal every time: no clock, no random numbers. */
  readonly create: () => Instance & Aggregate<E>;
  /** How snapshots hold the instance. Without it none can be taken: only the class knows its private fields. */
  readonly snapshot?: StateSchema<Instance>;
}

/** A class aggregate, ready for a repository. */
export type ClassAggregate<E extends Event, Instance extends Aggregate<E>> = AggregateDefinition<
  Instance,
  E,
  AggregateCommand<Instance>
>;

/**
 * Defines an aggregate as a class for the same repository that takes deciders:
 * `aggregate({ type: 'bank-account', create: () => new BankAccount() })`.
 */
export function aggregate<E extends Event, Instance extends Aggregate<E>>(
  options: AggregateOptions<E, Instance>,
): ClassAggregate<E, Instance> {
  return {
    type: options.type,
    mutable: true,
    initial: options.create,
    evolve: (instance, event) => {
      Aggregate.replay(instance, event);
      return instance;
    },
    decide: async (instance, command) => {
      await command(instance);
      return { events: Aggregate.takeRaised<E>(instance), state: instance };
    },
    snapshot: options.snapshot,
  };
}
