import { unknownEvent } from '../aggregates/aggregate-definition.ts';
import type { Event, EventOfType } from '../events/event.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';

/**
 * One case for every event of a union: what it does to the rows, or `'ignored'` when it does nothing to them. A missing
 * case does not compile, so that a new event is decided on in every projection.
 */
export type EventCases<E extends Event, Context> = {
  readonly [Type in E['type']]:
    | 'ignored'
    | ((event: RecordedEvent<EventOfType<E, Type>>, context: Context) => Promise<void>);
};

/**
 * The handler of a projection that takes events one by one, each by its case, in their order. A projection that writes
 * much folds its batch instead, and has the compiler check its `switch`.
 * @throws PotterError `UNKNOWN_EVENT_TYPE` for an event outside the union: nothing is passed over in silence.
 */
export function perEvent<E extends Event, Context>(
  cases: EventCases<E, Context>,
): (events: readonly RecordedEvent<E>[], context: Context) => Promise<void> {
  const byType = new Map<string, 'ignored' | ((event: E, context: Context) => Promise<void>)>(
    Object.entries(cases),
  );
  return async (events, context) => {
    for (const event of events) {
      const handle = byType.get(event.type);
      if (handle === undefined) throw unknownEvent('a projection', event, byType.keys());
      if (handle !== 'ignored') await handle(event, context);
    }
  };
}

/** The names of the events that such cases do something with. */
export function handledTypes<E extends Event, Context>(
  cases: EventCases<E, Context>,
): readonly string[] {
  return Object.entries(cases).flatMap(([type, handle]) => (handle === 'ignored' ? [] : [type]));
}
