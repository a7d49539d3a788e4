import type { Event } from './event.ts';
import type { RecordedEvent } from './recorded-event.ts';

/** One version of one event type's data. */
export interface EventSchema {
  readonly type: string;
  readonly version: number;
}

/** What an upcaster makes of the event it gets. */
export interface UpcastOutput extends Event {
  readonly schemaVersion: number;
}

/**
 * One step from an old form of an event to newer ones: one, several, or none (the event is dropped). Steps are pure
 * functions of the stored event. Build them with {@link upcast}, {@link split} and {@link drop}.
 */
export interface Upcaster {
  readonly from: EventSchema;
  /** Every form the step can make; empty for a drop. Declared, so that a chain can be checked before it runs. */
  readonly to: readonly EventSchema[];
  readonly apply: (event: RecordedEvent) => readonly UpcastOutput[];
}

/**
 * The common step: the same event, its data in the next form.
 * `change` names the old form it takes: `(data: AccountOpenedV1) => ({ … })`. `to.type` renames the event; default the same name. `to.version` defaults to the next.
 */
export function upcast(
  type: string,
  fromVersion: number,
  change: (data: never, event: RecordedEvent) => unknown,
  to: Partial<EventSchema> = {},
): Upcaster {
  const target: EventSchema = { type: to.type ?? type, version: to.version ?? fromVersion + 1 };
  return {
    from: { type, version: fromVersion },
    to: [target],
    // Only the author of the step knows what the stored data is, so any parameter type is accepted.
    apply: (event) => [
      {
        type: target.type,
        schemaVersion: target.version,
        data: change(event.data as never, event),
      },
    ],
  };
}

/** A step that makes any number of events of one. All of them keep id, version and position of the stored one. */
export function split(
  type: string,
  fromVersion: number,
  into: readonly EventSchema[],
  change: (data: never, event: RecordedEvent) => readonly UpcastOutput[],
): Upcaster {
  return {
    from: { type, version: fromVersion },
    to: into,
    apply: (event) => change(event.data as never, event),
  };
}

/** A step that takes an event nobody needs any more out of every read. */
export function drop(type: string, fromVersion = 1): Upcaster {
  return { from: { type, version: fromVersion }, to: [], apply: () => [] };
}
