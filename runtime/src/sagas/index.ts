/** Sagas: work of several steps that is done completely or undone completely, whatever crashes on the way. */
// Define
export { saga } from './definition/saga.ts';
export { signal, type Signal } from './definition/signal.ts';
export type {
  BranchBuilder,
  ChoiceBuilder,
  DuplicateStepName,
  ParallelBuilder,
  SagaBuilder,
  SwitchBuilder,
} from './definition/saga-builder.ts';
export type { SagaDefinition, SagaOptions } from './definition/saga-definition.ts';
export type { ClaimLimits, SagaLimits } from './definition/limits.ts';
export type { SagaMigration } from './definition/migrations.ts';
export type { StartContext } from './definition/lock-keys.ts';
export type {
  ChildOptions,
  ChildResult,
  ChoiceOptions,
  ParallelOptions,
  SignalOptions,
  SignalResult,
  TimerDelay,
  TwoPhaseCommitOptions,
} from './definition/node-options.ts';
export type { TwoPhaseResult } from './nodes/two-phase-commit.ts';
export type {
  AttemptContext,
  CompensateContext,
  CompensateWhen,
  DecideContext,
  ExecuteContext,
  StepOutcome,
  UndoContext,
} from './definition/step-context.ts';
export type {
  AlreadyDoneOptions,
  NonRetryable,
  StepOptions,
  StepPolicy,
  TransactionalStepOptions,
} from './definition/step-options.ts';
export { commandStep, type CommandStepOptions } from './steps/command-step.ts';
export {
  type AppendedEvents,
  eventStep,
  type EventStepOptions,
  type EventsToAppend,
} from './steps/event-step.ts';
// Change
export { checkCompat, type CompatProblem } from './compat/check-compat.ts';
export { type DefinitionDescription, describeDefinition } from './compat/describe-definition.ts';
// Run
export { createSagaEngine } from './create-saga-engine.ts';
export type { SagaEngine, SagaEngineOptions, StartedSaga, StartOptions } from './saga-engine.ts';
export { RetryLater } from './failure.ts';
// Operate
export type {
  BulkOptions,
  BulkOutcome,
  EditOptions,
  SagaAction,
  SagaOperations,
  SkipOptions,
  TellOptions,
  Told,
  UndoOptions,
} from './saga-operations.ts';
export type {
  DirectoryPage,
  SagaBacklog,
  SagaDirectory,
  SagaFilter,
  SagaListing,
} from './saga-directory.ts';
// Look at
export type { SagaView } from './saga-view.ts';
export type { HistoryEntry, SagaHistory } from './saga-history.ts';
export { type DiagramOptions, sagaDiagram } from './diagram/saga-diagram.ts';
export { isFinished, isSettled } from './saga-status.ts';
export type {
  Direction,
  FailedOutcome,
  JournalEntry,
  ParentLink,
  SagaError,
  SagaEvent,
  SagaStatus,
  WaitOutcome,
} from './saga-event.ts';
export type { SagaFeed, SagaFeedItem } from './saga-feed.ts';
// Ask about many: the port that adapters of read models implement
export {
  SAGA_SORT_FIELDS,
  type SagaDurations,
  type SagaListItem,
  type SagaListQuery,
  type SagaMetrics,
  type SagaMetricsQuery,
  type SagaPage,
  type SagaQueryHandler,
  type SagaSearch,
  type SagaSort,
  type SagaStepMetrics,
} from './read-models/saga-query-handler.ts';
// Store: in memory
export {
  InMemorySagaStore,
  InMemorySagaStoreWith,
  type InMemorySagaStoreOptions,
} from './in-memory/in-memory-saga-store.ts';
export type { InMemoryTransaction, TransactionControl } from './in-memory/in-memory-transaction.ts';
// Store: payloads that nobody else can read
export type { PayloadCodec } from './sealing/payload-codec.ts';
export {
  sealedSagaFeed,
  sealedSagaStore,
  type SealingOptions,
} from './sealing/sealed-saga-store.ts';
// Store: the port that adapters implement
export { MESSAGE_BITS, type MessageKind, type SagaMessage } from './saga-message.ts';
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
  SagaSnapshot,
  SagaStore,
  SagaSummary,
  StoredSaga,
  WorkListener,
} from './saga-store.ts';

// Two-phase commit: one step in several systems at once, all or nothing
export {
  TwoPhaseCoordinator,
  type TwoPhaseExecutor,
  type WaitOptions,
} from './two-phase-commit/coordinator.ts';
export type { TwoPhaseCoordinatorOptions } from './two-phase-commit/coordinator-options.ts';
export type { ResolveOptions } from './two-phase-commit/resolve-by-hand.ts';
export type { TwoPhaseEvent, TwoPhaseListener } from './two-phase-commit/two-phase-event.ts';
export type {
  AbortReason,
  BranchOutcome,
  BranchRecord,
  Decision,
  TransactionRecord,
  TwoPhaseOutcome,
  Vote,
} from './two-phase-commit/two-phase-transaction.ts';
export type {
  BranchView,
  ParticipantState,
  TransactionView,
} from './two-phase-commit/transaction-view.ts';
// Two-phase commit: who can take part
export {
  branch,
  type Branch,
  type BranchState,
  type CallOptions,
  type PreparedBranch,
  type TwoPhaseParticipant,
} from './two-phase-commit/two-phase-participant.ts';
export {
  branchName,
  branchPrefix,
  transactionIdOf,
  type BranchId,
} from './two-phase-commit/branch-id.ts';
export {
  httpParticipant,
  type HttpParticipantOptions,
} from './two-phase-commit/http-participant.ts';
// Two-phase commit: the coordinator's log
export {
  InMemoryTwoPhaseLog,
  type InMemoryTwoPhaseLogOptions,
} from './two-phase-commit/in-memory-two-phase-log.ts';
export type {
  AuditEntry,
  BeginRequest,
  DecideRequest,
  DueRequest,
  ListRequest,
  ResolveRequest,
  SettleRequest,
  TwoPhaseLog,
} from './two-phase-commit/two-phase-log.ts';
