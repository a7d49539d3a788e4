import type { EventStore } from '../event-store/event-store.ts';
import type { EventFilter } from '../event-store/read.ts';
import type { Event } from '../events/event.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { Feed } from './feed.ts';

/**
 * The events of a store as a feed that projections follow: `project(eventFeed<OrderEvent>(store, { category: 'order' }), …)`.
 * Old events come in their current form, as the store's upcasters make them.
 * @param filter which events; the union says what they can be, and is taken at its word.
 */
export function eventFeed<E extends Event, Tx = never>(
  store: Pick<EventStore<Tx>, 'subscribe' | 'read'>,
  filter: EventFilter = {},
): Feed<RecordedEvent<E>> {
  return {
    async *subscribe(options = {}) {
      const subscription = store.subscribe<E>({ ...options, filter });
      for await (const { events, position, caughtUp } of subscription) {
        yield { items: events, position, caughtUp };
      }
    },
    // Of the whole store: a subscription moves past what its filter leaves out.
    async head() {
      const last = store.read({ direction: 'backwards', limit: 1 });
      for await (const { lastPosition } of last.pages()) return lastPosition;
      return 0n;
    },
  };
}
