import type { Event } from '../../events/event.ts';
import type { RecordedEvent } from '../../events/recorded-event.ts';
import { type EventCases, handledTypes, perEvent } from '../../projections/event-cases.ts';
import type { PostgresTransaction } from '../connection/client.ts';

/**
 * A read model that is written in the transaction of the append: always up to date, paid for by every writer. Appends
 * of the types it handles get a transaction of their own instead of sharing a statement.
 */
export interface InlineProjection {
  /** Types of events it wants; nothing else calls it. */
  readonly handles: readonly string[];
  /** Writes through `transaction` only. An error undoes the append. */
  project(events: readonly RecordedEvent[], transaction: PostgresTransaction): Promise<void>;
}

/** An inline projection with one case for every event of a union: a missing case does not compile. */
export function inlineProjection<E extends Event>(
  cases: EventCases<E, PostgresTransaction>,
): InlineProjection {
  const handle = perEvent(cases);
  return {
    handles: handledTypes(cases),
    // Only events of its own types come, and of what they look like the union is taken at its word.
    project: (events, transaction) => handle(events as readonly RecordedEvent<E>[], transaction),
  };
}

/** Whether some projection wants one of these events. */
export function hasInlineProjection(
  projections: readonly InlineProjection[],
  types: ReadonlySet<string>,
): boolean {
  return projections.some(({ handles }) => handles.some((type) => types.has(type)));
}

/** Hands each projection the events it handles, one projection after the other: they share a connection. */
export async function projectInline(
  projections: readonly InlineProjection[],
  events: readonly RecordedEvent[],
  transaction: PostgresTransaction,
): Promise<void> {
  for (const projection of projections) {
    const wanted = events.filter(({ type }) => projection.handles.includes(type));
    if (wanted.length > 0) await projection.project(wanted, transaction);
  }
}
