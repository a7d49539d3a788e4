/** PostgreSQL: everything of the runtime that is kept in, or told by, a PostgreSQL server. Needs `pg`. */

// Connections and transactions
export type {
  PostgresClient,
  PostgresConnection,
  PostgresPool,
  PostgresResult,
  PostgresStatement,
  PostgresTransaction,
} from './connection/client.ts';
export { createPool, type ManagedPostgresPool, type PoolOptions } from './connection/pool.ts';
export {
  inTransaction,
  type IsolationLevel,
  type TransactionOptions,
} from './connection/transaction.ts';
export { toBePrepared } from './connection/to-be-prepared.ts';
export { databaseReadiness } from './connection/readiness.ts';
export { assertDatabaseUrl, databaseTarget } from '../foundation/database-url.ts';
export { sqlStateOf, translatePostgresError } from './connection/errors.ts';
export {
  listen,
  type Listening,
  type ListenOptions,
  type NotificationListener,
} from './connection/notifications.ts';

// Snapshots
export {
  PostgresSnapshotStore,
  type PostgresSnapshotStoreOptions,
} from './event-store/snapshot-store.ts';

// Event store
export { PostgresEventStore, type PostgresEventStoreOptions } from './event-store/event-store.ts';
export type { GroupCommitOptions } from './connection/group-commit.ts';
export { wakeSubscriptions } from './event-store/wake-subscriptions.ts';
export { inlineProjection, type InlineProjection } from './event-store/inline-projection.ts';
export type { OpenWriter } from './positions/position-barrier.ts';
export {
  importEvents,
  type ImportedEvent,
  type ImportOptions,
  type ImportResult,
} from './event-store/import-events.ts';

// Idempotency-Keys of HTTP requests
export {
  PostgresIdempotencyStore,
  type PostgresIdempotencyStoreOptions,
} from './idempotency/idempotency-store.ts';

// Projections
export {
  PostgresProjectionStore,
  type PostgresProjectionStoreOptions,
} from './projections/projection-store.ts';

// Sagas
export { PostgresSagaStore, type PostgresSagaStoreOptions } from './sagas/saga-store.ts';
export { PostgresSagaFeed, type PostgresSagaFeedOptions } from './sagas/saga-feed.ts';
export {
  SAGA_READ_MODEL,
  sagaReadModel,
  type SagaReadModelOptions,
} from './sagas/read-models/saga-read-model.ts';
export {
  PostgresSagaQueries,
  type PostgresSagaQueriesOptions,
} from './sagas/read-models/saga-queries.ts';
export { fence } from './fences/fence.ts';
export { fenced, type Fenced } from './fences/fenced.ts';

// Two-phase commit
export {
  PostgresTwoPhaseLog,
  type PostgresTwoPhaseLogOptions,
} from './two-phase-commit/two-phase-log.ts';
export {
  preparedTransactionParticipant,
  type PreparedTransactionParticipantOptions,
} from './two-phase-commit/prepared-transaction-participant.ts';
export {
  tryConfirmCancel,
  type TryConfirmCancelOptions,
} from './two-phase-commit/try-confirm-cancel.ts';
