import type { EventStore } from '../../event-store/event-store.ts';
import type { Event } from '../../events/event.ts';

/** What the rules are tried on. */
export interface EventStoreSubject<Tx> {
  readonly store: EventStore<Tx>;
  /** Runs work in a transaction that commits when it returns and rolls back when it throws. */
  readonly inTransaction?: (work: (transaction: Tx) => Promise<void>) => Promise<void>;
}

/** A rule before it has a store. */
export interface EventStoreRule<Tx> {
  readonly name: string;
  /** @param category no other rule's */
  readonly check: (subject: EventStoreSubject<Tx>, category: string) => Promise<void>;
}

/** The event that rules append. */
export type Counted = Event<'Counted', { readonly n: number }>;

/** `count` events numbered from `first`. */
export function counted(count: number, first = 1): readonly Counted[] {
  return Array.from({ length: count }, (_, index) => ({
    type: 'Counted',
    data: { n: first + index },
  }));
}

/** Everything an iteration gives. */
export async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
