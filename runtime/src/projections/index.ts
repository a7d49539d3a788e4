/** Projections: read models that follow a feed exactly once, and are rebuilt beside themselves. */
// Write one
export {
  project,
  type BoundBatch,
  type BoundProjection,
  type Projection,
  type ProjectionContext,
  type ProjectionErrorPolicy,
  type ProjectionIdentity,
  type ProjectionTable,
} from './projection.ts';
export { perEvent, type EventCases } from './event-cases.ts';
// Run it
export {
  createProjectionRunner,
  type ProjectionRunner,
  type ProjectionRunnerOptions,
} from './projection-runner.ts';
export type { GenerationProgress, ProjectionProgress } from './progress.ts';
// What it reads: the port that adapters implement
export type { Feed, FeedBatch, FeedOptions } from './feed.ts';
export { eventFeed } from './event-feed.ts';
// Where it keeps its checkpoint: the port that adapters implement, and a store in memory
export type {
  AcquireOutcome,
  DeadLetter,
  FailedItem,
  Generation,
  GenerationKey,
  PausedProjection,
  ProjectionLease,
  ProjectionListener,
  ProjectionNews,
  ProjectionStep,
  ProjectionStore,
} from './projection-store.ts';
export { InMemoryProjectionStore } from './in-memory/in-memory-projection-store.ts';
export type { InMemoryReadModel, InMemoryRows } from './in-memory/in-memory-rows.ts';
