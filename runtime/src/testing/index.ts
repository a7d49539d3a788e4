/**
 * Testing: what a project's own tests are written with. Nothing here knows a test runner; failures are thrown errors
 * with the whole story in their message.
 */
// The rules of an aggregate, without any store
export { given, type ExpectedState, type Given, type When } from './given.ts';
// Time that only a test moves
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts';
