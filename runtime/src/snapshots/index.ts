/** Snapshots: when to take one, and where to keep it. PostgreSQL: `potter-runtime/postgres`. */
export {
  anyOf,
  everyEvents,
  everyInterval,
  noSnapshots,
  type SnapshotMoment,
  type SnapshotStrategy,
} from './snapshot-strategy.ts';
export { InMemorySnapshotStore } from './in-memory-snapshot-store.ts';
export type {
  SnapshotStore,
  SnapshotWanted,
  SnapshotWithTail,
  TailOptions,
} from './snapshot-store.ts';
export { stateIn, takeSnapshot, type Snapshot, type SnapshotForm } from './snapshot.ts';
export { stateShape, type StateSchema } from './state-schema.ts';
// For authors of stores
export { latestWithTail } from './snapshot-store.ts';
export { snapshotsKept } from './retention.ts';
