import type { Event, EventMetadata } from './event.ts';
import type { StreamId } from './stream-id.ts';

/** What the store adds to an event when it records it. */
export interface RecordedEventFields {
  /** A UUID, unique in the store. */
  readonly id: string;
  readonly streamId: StreamId;
  /** The part of the stream id before the colon. */
  readonly category: string;
  /** Place in the stream. The first event has 1n; there are no gaps. */
  readonly version: bigint;
  /** Place in the store. Grows with every event; there may be gaps. */
  readonly position: bigint;
  readonly metadata: EventMetadata;
  readonly tags: readonly string[];
  readonly schemaVersion: number;
  /** When the store recorded it, by the store's clock, in milliseconds. */
  readonly recordedAt: Date;
}

/** An event as a store gives it back. */
export type RecordedEvent<E extends Event = Event> = E & RecordedEventFields;
