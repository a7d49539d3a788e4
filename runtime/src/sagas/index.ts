/** Sagas: work of several steps that is done completely or undone completely, whatever crashes on the way. */
// Define
export { saga, type DuplicateStepName, type SagaBuilder } from './saga-builder.ts';
export type { SagaDefinition, SagaOptions } from './saga-definition.ts';
export type {
  AttemptContext,
  CompensateContext,
  CompensateWhen,
  ExecuteContext,
  StepOutcome,
  UndoContext,
} from './step-context.ts';
export type {
  AlreadyDoneOptions,
  NonRetryable,
  StepOptions,
  StepPolicy,
  TransactionalStepOptions,
} from './step-options.ts';
// Run
export { createSagaEngine } from './create-saga-engine.ts';
export type { SagaEngine, SagaEngineOptions, StartedSaga, StartOptions } from './saga-engine.ts';
export { RetryLater } from './failure.ts';
// Look at
export type { SagaView } from './saga-view.ts';
export type { HistoryEntry, SagaHistory } from './saga-history.ts';
export { sagaDiagram } from './saga-diagram.ts';
export { isFinished, isSettled } from './saga-status.ts';
export type {
  Direction,
  FailedOutcome,
  JournalEntry,
  SagaError,
  SagaEvent,
  SagaStatus,
} from './saga-event.ts';
export type { SagaFeed, SagaFeedItem } from './saga-feed.ts';
// Store: in memory
export {
  InMemorySagaStore,
  InMemorySagaStoreWith,
  type InMemorySagaStoreOptions,
} from './in-memory/in-memory-saga-store.ts';
export type { InMemoryTransaction, TransactionControl } from './in-memory/in-memory-transaction.ts';
// Store: the port that adapters implement
export type {
  ClaimedSaga,
  ClaimOutcome,
  ClaimRequest,
  CommitOutcome,
  DefinitionVersion,
  InboxEntry,
  Lease,
  NewSaga,
  PostOutcome,
  SagaCommit,
  SagaMessage,
  SagaSnapshot,
  SagaStore,
  SagaSummary,
  StoredSaga,
  WorkListener,
} from './saga-store.ts';
