import type { Event } from '../events/event.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';

/**
 * Which events are meant. What is left out does not restrict. On PostgreSQL a filter goes through all positions, unless the
 * migration component `event-store-filters` is there, whose indexes every append pays for.
 */
export interface EventFilter {
  readonly category?: string | undefined;
  /** Events of any of these types, by their current names. */
  readonly types?: readonly string[] | undefined;
  /** Events that have all of these tags. */
  readonly tags?: readonly string[] | undefined;
}

/** How to walk. */
export interface ReadWalk {
  /** Default `forwards`. */
  readonly direction?: 'forwards' | 'backwards' | undefined;
  /** At most this many stored events. Default: all. */
  readonly limit?: number | undefined;
  /** Stored events fetched at a time; default 1,000. More is a little faster and takes more memory. */
  readonly pageSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Which part of a stream. */
export interface ReadStreamOptions<Tx = never> extends ReadWalk {
  /** The caller's transaction to read in, so that what it appended is seen. Default: outside any. */
  readonly transaction?: Tx | undefined;
  /** First version wanted, whatever the direction. */
  readonly from?: bigint | undefined;
  /** Last version wanted, whatever the direction. */
  readonly to?: bigint | undefined;
  /** Only what was recorded until then. */
  readonly asOf?: Date | undefined;
}

/** Which part of the whole store. */
export interface ReadOptions extends ReadWalk, EventFilter {
  /** Only greater positions, whatever the direction. */
  readonly after?: bigint | undefined;
  /** Only this and smaller positions, whatever the direction. */
  readonly upTo?: bigint | undefined;
  /** Only what was recorded at or after this time. */
  readonly from?: Date | undefined;
  /** Only what was recorded at or before this time. */
  readonly to?: Date | undefined;
}

/** Part of a read. Upcasters may have made more or fewer events than were stored, so the ends are given apart. */
export interface EventPage<E extends Event = Event> {
  readonly events: readonly RecordedEvent<E>[];
  /** Version of the last stored event of the page. */
  readonly lastVersion: bigint;
  /** Position of the last stored event of the page. */
  readonly lastPosition: bigint;
}

/**
 * A read that is about to happen: `for await` gives event after event and holds one page at a time. Each iteration is
 * a read of its own. Ends with `ABORTED` when the signal fires.
 */
export interface EventRead<E extends Event = Event> extends AsyncIterable<RecordedEvent<E>> {
  /** The same by pages, none of them for an empty read: faster for a fold, and tells the version reached. */
  pages(): AsyncIterable<EventPage<E>>;
}

/** Makes an {@link EventRead} of a function that fetches pages. For store adapters. */
export function eventRead<E extends Event>(pages: () => AsyncIterable<EventPage<E>>): EventRead<E> {
  return {
    pages,
    async *[Symbol.asyncIterator](): AsyncGenerator<RecordedEvent<E>> {
      for await (const page of pages()) yield* page.events;
    },
  };
}
