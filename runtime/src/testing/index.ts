/**
 * Testing: what a project's own tests are written with. Nothing here knows a test runner; failures are thrown errors
 * with the whole story in their message.
 */
// The rules of an aggregate, without any store
export { given, type ExpectedState, type Given, type When } from './given.ts';
// Time that only a test moves
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts';
// Rules that every adapter of a port keeps
export type { ContractRule } from './contracts/contract.ts';
export {
  snapshotStoreContract,
  type SnapshotStoreSubject,
} from './contracts/snapshot-store-contract.ts';
export { eventStoreContract } from './contracts/event-store-contract.ts';
export type { EventStoreSubject } from './contracts/event-store-subject.ts';
export {
  idempotencyStoreContract,
  type IdempotencyStoreSubject,
} from './contracts/idempotency-store-contract.ts';
export {
  projectionStoreContract,
  type ProjectionStoreSubject,
} from './contracts/projection-store-contract.ts';
export { sagaFeedContract, type SagaFeedSubject } from './contracts/saga-feed-contract.ts';
export { sagaStoreContract } from './contracts/saga-store-contract.ts';
export type { SagaStoreSubject } from './contracts/saga-store-subject.ts';
// Sagas that are killed at every write
export {
  crashEverywhere,
  type CrashReport,
  type CrashViolation,
} from './fault-injection/crash-everywhere.ts';
export type {
  CrashEverywhereOptions,
  CrashPlant,
  Kill,
  KillMode,
} from './fault-injection/crash-options.ts';
// Sagas whose calls arrive twice, late, or not at all
export {
  disturbEverywhere,
  type DisturbEverywhereOptions,
  type DisturbReport,
  type DisturbViolation,
} from './fault-injection/disturb-everywhere.ts';
export type { Disturbance } from './fault-injection/disturbance.ts';
export { FakeParticipant, type FakeMood } from './fake-participant.ts';
export { ParticipantLedger, type LedgerClient, type LedgerEntry } from './participant-ledger.ts';
export {
  interceptSagaStore,
  type SagaStoreCall,
  type SagaStoreInterceptor,
} from './intercept-saga-store.ts';
export { never, SimulatedProcess } from './fault-injection/simulated-process.ts';
// What holds for every saga, whatever happened
export { effectViolations, type EndedSaga } from './saga-model/saga-effects.ts';
export { journalViolations, type Violation } from './saga-model/saga-invariants.ts';
export { modelViolations } from './saga-model/saga-model.ts';
// Two-phase commit
export { FakeTwoPhaseParticipant, type FakeMode } from './fake-two-phase-participant.ts';
export {
  twoPhaseParticipantContract,
  type TwoPhaseParticipantSubject,
} from './contracts/two-phase-participant-contract.ts';
export {
  twoPhaseLogContract,
  type TwoPhaseLogSubject,
} from './contracts/two-phase-log-contract.ts';
export {
  crashTwoPhase,
  type CrashTwoPhaseOptions,
  type CrashTwoPhaseReport,
  type TwoPhaseKill,
  type TwoPhaseRecovery,
  type TwoPhaseViolation,
} from './fault-injection/crash-two-phase.ts';
export { MortalProcess, type DeathMode } from './fault-injection/mortal-process.ts';
