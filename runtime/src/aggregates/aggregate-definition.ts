import { PotterError } from '../errors/potter-error.ts';
import type { Event, NewEvent } from '../events/event.ts';
import type { StateSchema } from '../snapshots/state-schema.ts';

/**
 * What a repository needs to know of an aggregate, whatever style it is written in. Made by `decider` and `aggregate`.
 * @typeParam Command what `handle` accepts.
 */
export interface AggregateDefinition<State, E extends Event, Command> {
  /** Category of the streams: `bank-account`. Stored with every event; not to be changed. */
  readonly type: string;
  /** Whether states are objects that change. Those are never shared between two commands. */
  readonly mutable: boolean;
  /** The state of a stream without events. Gives an equal state every time. */
  readonly initial: () => State;
  /**
   * The state after an event.
   * @throws PotterError `UNKNOWN_EVENT_TYPE` for an event the definition has no case for.
   */
  readonly evolve: (state: State, event: E) => State;
  /** Runs a command: the events it decided on and the state after them. Passes on whatever the command throws. */
  readonly decide: (state: State, command: Command) => Promise<Decided<State, E>>;
  /** How snapshots hold the state; undefined: they cannot. */
  readonly snapshot: StateSchema<State> | undefined;
}

/** What a command came to. */
export interface Decided<State, E extends Event> {
  readonly events: readonly NewEvent<E>[];
  readonly state: State;
}

/** The state type of a definition: `StateOf<typeof bankAccount>`. */
export type StateOf<Definition> =
  Definition extends AggregateDefinition<infer State, infer _E, infer _C> ? State : never;

/** The union of events of a definition: `EventOf<typeof bankAccount>`. */
export type EventOf<Definition> =
  Definition extends AggregateDefinition<infer _S, infer E, infer _C> ? E : never;

/** The commands of a definition: `CommandOf<typeof bankAccount>`. */
export type CommandOf<Definition> =
  Definition extends AggregateDefinition<infer _S, infer _E, infer Command> ? Command : never;

/** The error for an event that a definition has no case for. */
export function unknownEvent(
  definition: string,
  event: Event,
  known: Iterable<string>,
): PotterError {
  const names = [...known];
  return new PotterError('UNKNOWN_EVENT_TYPE', {
    message: `'${definition}' has no case for the event '${event.type}'${placeOf(event)}; it knows ${names.join(', ') || 'none'}.`,
    remedy: 'Add the case, or an upcaster that renames or drops the event.',
    details: { definition, type: event.type, known: names },
  });
}

/** Where a stored event lies; nothing for one that was just made. */
function placeOf(event: Event): string {
  if (!('streamId' in event && 'version' in event)) return '';
  return ` (stream '${String(event.streamId)}', version ${String(event.version)})`;
}
