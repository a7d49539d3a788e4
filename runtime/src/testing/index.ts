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
