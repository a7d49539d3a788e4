import { AssertionError } from 'node:assert';
import type { AggregateDefinition } from '../aggregates/aggregate-definition.ts';
import { describeError } from '../errors/describe-error.ts';
import { Rejection } from '../errors/rejection.ts';
import type { Event, NewEvent } from '../events/event.ts';
import { differences, freezeDeeply, show } from './difference.ts';

/** A past, waiting for a command. */
export interface Given<State, E extends Event, Command> {
  /** The command to run on it; a name makes failures easier to read. */
  when(command: Command, name?: string): When<State, E>;
  /** The state that the past leads to, without a command. */
  thenState(expected: ExpectedState<State>): Promise<void>;
}

/**
 * A command on a past. Each question runs it afresh, and rejects with an AssertionError that tells the whole story when
 * the answer is another. There is no method `then`: `await` would take the object for a promise.
 */
export interface When<State, E extends Event> {
  /** Exactly these events, in this order. Of id, tags and metadata only what you name is compared. */
  thenEvents(...expected: readonly [NewEvent<E>, ...NewEvent<E>[]]): Promise<void>;
  /** No event, and no refusal either. */
  thenNothing(): Promise<void>;
  /** A refusal by the domain with this code; `check` may look further at it. */
  thenRejected(code: string, check?: (rejection: Rejection) => void): Promise<void>;
  /** The state after the command's events. */
  thenState(expected: ExpectedState<State>): Promise<void>;
}

/** An equal value, or a function that throws when it does not like what it sees. */
export type ExpectedState<State> = State | ((state: State) => void);

/** What a command came to: the events and the state after them, or what it threw. */
type Result<State, E extends Event> =
  | { readonly kind: 'decided'; readonly events: readonly NewEvent<E>[]; readonly state: State }
  | { readonly kind: 'threw'; readonly error: unknown };

/**
 * Tests the rules of an aggregate, decider or class, without any store:
 * `await given(bankAccount, opened).when(deposit(500)).thenEvents(deposited)`.
 *
 * Events, and the states of a decider, are frozen to their last field, so that a case or a command that changes what it
 * was given fails here rather than in production.
 */
export function given<State, E extends Event, Command>(
  definition: AggregateDefinition<State, E, Command>,
  ...past: readonly E[]
): Given<State, E, Command> {
  const frozen = (state: State): State => (definition.mutable ? state : freezeDeeply(state));
  const pastState = (): State =>
    past.reduce<State>(
      (state, event) => frozen(definition.evolve(state, freezeDeeply(event))),
      frozen(definition.initial()),
    );
  const story = (when: string | undefined, then: string): string =>
    [
      `Given  ${past.map(show).join('\n       ') || 'nothing'}`,
      ...(when === undefined ? [] : [`When   ${when}`]),
      `Then   ${then}`,
    ].join('\n');

  return {
    when(command, name = nameOf(command)) {
      const run = async (): Promise<Result<State, E>> => {
        const before = pastState();
        try {
          return { kind: 'decided', ...(await definition.decide(before, command)) };
        } catch (error) {
          return { kind: 'threw', error };
        }
      };
      const decided = async (wanted: string, expected: unknown) => {
        const result = await run();
        if (result.kind === 'decided') return result;
        const { code, message } = describeError(result.error);
        throw failure(story(name, `expected ${wanted}, but it threw ${code}: ${message}`), {
          expected,
          actual: result.error,
        });
      };
      return {
        async thenEvents(...expected) {
          const { events } = await decided(list(expected), expected);
          const actual = events.map((event, index) => only(event, expected[index]));
          const found = differences(expected, actual, 'events');
          if (found.length === 0) return;
          const then = `expected ${list(expected)}\n       but got  ${list(actual)}\n${lines(found)}`;
          throw failure(story(name, then), { expected, actual });
        },
        async thenNothing() {
          const { events } = await decided('no events', []);
          if (events.length === 0) return;
          throw failure(story(name, `expected no events\n       but got  ${list(events)}`), {
            expected: [],
            actual: events,
          });
        },
        async thenRejected(code, check) {
          const result = await run();
          const wanted = `expected a rejection ${code}`;
          if (result.kind === 'decided') {
            throw failure(story(name, `${wanted}\n       but got  ${list(result.events)}`), {
              expected: code,
              actual: result.events,
            });
          }
          const { error } = result;
          const { code: actual, message } = describeError(error);
          if (!(error instanceof Rejection) || error.code !== code) {
            const kind = error instanceof Rejection ? 'it was rejected with' : 'it broke with';
            throw failure(story(name, `${wanted}\n       but ${kind} ${actual}: ${message}`), {
              expected: code,
              actual,
              cause: error,
            });
          }
          check?.(error);
        },
        async thenState(expected) {
          const { state } = await decided('a state', expected);
          checkState(state, expected, (then) => story(name, then));
        },
      };
    },
    async thenState(expected) {
      checkState(pastState(), expected, (then) => story(undefined, then));
    },
  };
}

function checkState<State>(
  state: State,
  expected: ExpectedState<State>,
  story: (then: string) => string,
): void {
  if (isCheck(expected)) {
    expected(state);
    return;
  }
  const found = differences(expected, state, 'state');
  if (found.length === 0) return;
  throw failure(story(`expected another state\n${lines(found)}`), { expected, actual: state });
}

function isCheck<State>(expected: ExpectedState<State>): expected is (state: State) => void {
  return typeof expected === 'function';
}

/** Of an event, type, data and the fields that the expectation names. */
function only<E extends Event>(event: NewEvent<E>, expected: NewEvent<E> | undefined): unknown {
  const { type, data } = event;
  if (expected === undefined) return { type, data };
  const named = Object.keys(expected).filter((key) => key in event);
  return {
    type,
    data,
    ...Object.fromEntries(named.map((key) => [key, event[key as keyof typeof event]])),
  };
}

function nameOf(command: unknown): string {
  return typeof command === 'function' && command.name !== '' ? command.name : 'the command';
}

function list(events: readonly unknown[]): string {
  return events.map(show).join('\n                ') || 'no events';
}

function lines(found: readonly string[]): string {
  return found.map((line) => `       ✗ ${line}`).join('\n');
}

/** Runners show `actual` and `expected` of an AssertionError side by side. */
function failure(
  message: string,
  {
    expected,
    actual,
    cause,
  }: { readonly expected: unknown; readonly actual: unknown; readonly cause?: unknown },
): AssertionError {
  const error = new AssertionError({ message, expected, actual });
  if (cause !== undefined) error.cause = cause;
  return error;
}
