/** Event store: the port, its values and errors, and the store in memory. PostgreSQL: `potter-runtime/postgres`. */
export type { EventStore } from './event-store.ts';
export type {
  AppendOptions,
  AppendRequest,
  AppendResult,
  StreamAppendResult,
  StreamCheck,
  StreamWrite,
} from './append.ts';
export { isExpected, type ExpectedVersion } from './expected-version.ts';
export { ConcurrencyConflictError } from './concurrency-conflict-error.ts';
export type {
  EventFilter,
  EventPage,
  EventRead,
  ReadOptions,
  ReadStreamOptions,
  ReadWalk,
} from './read.ts';
export type { EventBatch, EventSubscriptions, SubscribeOptions } from './subscription.ts';
export { InMemoryEventStore, type InMemoryEventStoreOptions } from './in-memory-event-store.ts';
// For authors of stores
export { eventRead } from './read.ts';
export { isRepeatedAppend, type FoundEventId } from './event-id-conflict.ts';
export {
  prepareAppend,
  recordedForm,
  type PrepareContext,
  type PreparedAppend,
  type PreparedEvent,
  type PreparedWrite,
} from './prepare-append.ts';
