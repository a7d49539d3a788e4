import type { ExpectedVersion } from '../../event-store/expected-version.ts';
import type { EventStore } from '../../event-store/event-store.ts';
import type { Event, NewEvent } from '../../events/event.ts';
import type { StreamId } from '../../events/stream-id.ts';
import type { CompensateContext, ExecuteContext } from '../definition/step-context.ts';
import type { StepPolicy, TransactionalStepOptions } from '../definition/step-options.ts';

/** Events for one stream. */
export interface EventsToAppend<E extends Event> {
  readonly stream: StreamId;
  readonly events: readonly NewEvent<E>[];
  /** Default `any`. */
  readonly expected?: ExpectedVersion;
}

/** What an event step results in. */
export interface AppendedEvents {
  /** The stream's version after them. */
  readonly version: bigint;
}

/** Which events a step appends, which undo it, and how often it is tried. */
export interface EventStepOptions<E extends Event, Input, Results> extends StepPolicy<'attempted'> {
  readonly events: (context: ExecuteContext<Input, Results>) => EventsToAppend<E>;
  /** What is appended to take it back: events are never removed. Left out: nothing. */
  readonly undo?: (
    context: CompensateContext<Input, Results, AppendedEvents, 'attempted'>,
  ) => EventsToAppend<E>;
}

/**
 * A transactional step that appends events to the event store of the saga's own database: the events and the journal's entry
 * are one commit, so they are there exactly once, and are published to subscribers as any event is.
 *
 * ```ts
 * saga<Order, PostgresTransaction>('order').transactionalStep(
 *   'announce',
 *   eventStep(eventStore, {
 *     events: ({ input }) => ({ stream: streamId('order', input.orderId), events: [orderPlaced(input)] }),
 *   }),
 * )
 * ```
 */
export function eventStep<E extends Event, Input, Results, Tx>(
  store: Pick<EventStore<Tx>, 'appendToStream'>,
  options: EventStepOptions<E, Input, Results>,
): TransactionalStepOptions<Input, Results, AppendedEvents, 'attempted', Tx> {
  const { events, undo, ...policy } = options;
  const append = async (what: EventsToAppend<E>, transaction: Tx): Promise<AppendedEvents> => {
    const { stream, expected = 'any' } = what;
    const { version } = await store.appendToStream(stream, what.events, { expected, transaction });
    return { version };
  };
  return {
    ...policy,
    execute: ({ tx, ...context }) => append(events(context), tx),
    ...(undo && {
      compensate: async (context) => {
        // An attempt that did not commit left nothing to take back.
        if (context.outcome === 'done') await append(undo(context), context.tx);
      },
    }),
  };
}
