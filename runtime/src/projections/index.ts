/** Projections: read models that follow a feed, exactly once, and are rebuilt beside themselves. */
export type { Feed, FeedBatch, FeedOptions } from './feed.ts';
