import type { Feed } from '../projections/feed.ts';
import type { JournalEntry } from './saga-event.ts';

/** One commit of a saga: what became durable together, with its place among the commits of all sagas. */
export interface SagaFeedItem {
  readonly position: bigint;
  readonly sagaId: string;
  /** Never empty, in the order of their places in the saga's journal. */
  readonly entries: readonly JournalEntry[];
}

/** The journals of all sagas as one, in the order of commits: what read models of sagas are made of. */
export type SagaFeed = Feed<SagaFeedItem>;
