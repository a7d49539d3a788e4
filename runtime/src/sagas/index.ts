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
export type {
  ChildOptions,
  ChildResult,
  ChoiceOptions,
  ParallelOptions,
  SignalOptions,
  SignalResult,
  TimerDelay,
} from './definition/node-options.ts';
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
// Run
export { createSagaEngine } from './create-saga-engine.ts';
export type { SagaEngine, SagaEngineOptions, StartedSaga, StartOptions } from './saga-engine.ts';
export { RetryLater } from './failure.ts';
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
// Store: in memory
export {
  InMemorySagaStore,
  InMemorySagaStoreWith,
  type InMemorySagaStoreOptions,
} from './in-memory/in-memory-saga-store.ts';
export type { InMemoryTransaction, TransactionControl } from './in-memory/in-memory-transaction.ts';
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
