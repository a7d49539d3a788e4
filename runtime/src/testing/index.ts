/**
 * Testing: what a project's own tests are written with. Nothing here knows a test runner; failures are thrown errors
 * with the whole story in their message.
 */
// Time that only a test moves
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts';
