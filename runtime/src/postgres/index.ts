/** PostgreSQL: everything of the runtime that is kept in, or told by, a PostgreSQL server. Needs `pg`. */

// Connections and transactions
export type {
  PostgresClient,
  PostgresConnection,
  PostgresPool,
  PostgresResult,
  PostgresStatement,
  PostgresTransaction,
} from './client.ts';
export { createPool, type ManagedPostgresPool, type PoolOptions } from './pool.ts';
export { inTransaction, type IsolationLevel, type TransactionOptions } from './transaction.ts';
export { toBePrepared, wakeSubscriptions } from './to-be-prepared.ts';
export { databaseReadiness } from './readiness.ts';
export { assertDatabaseUrl, databaseTarget } from '../foundation/database-url.ts';
export { sqlStateOf, translatePostgresError } from './errors.ts';
export {
  listen,
  type Listening,
  type ListenOptions,
  type NotificationListener,
} from './notifications.ts';

// Snapshots
export { PostgresSnapshotStore, type PostgresSnapshotStoreOptions } from './snapshot-store.ts';

// Event store
export { PostgresEventStore, type PostgresEventStoreOptions } from './event-store.ts';
export type { GroupCommitOptions } from './group-commit.ts';
export type { InlineProjection } from './event-store-inline-projection.ts';
export type { OpenWriter } from './position-barrier.ts';
export {
  importEvents,
  type ImportedEvent,
  type ImportOptions,
  type ImportResult,
} from './event-store-import.ts';

// Idempotency-Keys of HTTP requests
export {
  PostgresIdempotencyStore,
  type PostgresIdempotencyStoreOptions,
} from './idempotency-store.ts';

// Projections
export {
  PostgresProjectionStore,
  type PostgresProjectionStoreOptions,
} from './projection-store.ts';

// Sagas
export { PostgresSagaStore, type PostgresSagaStoreOptions } from './saga-store.ts';
export { PostgresSagaFeed, type PostgresSagaFeedOptions } from './saga-feed.ts';
export { SAGA_READ_MODEL, sagaReadModel, type SagaReadModelOptions } from './saga-read-model.ts';
export { PostgresSagaQueries, type PostgresSagaQueriesOptions } from './saga-queries.ts';
export { fence } from './fence.ts';
export { fenced, type Fenced } from './fenced.ts';

// Two-phase commit
export { PostgresTwoPhaseLog, type PostgresTwoPhaseLogOptions } from './two-phase-log.ts';
export {
  preparedTransactionParticipant,
  type PreparedTransactionParticipantOptions,
} from './prepared-transaction-participant.ts';
export { tryConfirmCancel, type TryConfirmCancelOptions } from './try-confirm-cancel.ts';
