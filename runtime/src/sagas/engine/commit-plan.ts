import { type MachineInput, transition, type Transition } from '../machine.ts';
import { nextWork, type RunningAttempt, summaryOf, type Work } from '../next-work.ts';
import type { SagaDefinition } from '../saga-definition.ts';
import { encodeState } from '../saga-snapshot.ts';
import type { SagaState } from '../saga-state.ts';
import { isSettled } from '../saga-status.ts';
import type { Lease, SagaCommit } from '../saga-store.ts';

/** Where a saga stands when this process begins to own it. */
export interface Ownership {
  readonly sagaId: string;
  readonly definition: SagaDefinition;
  readonly lease: Lease;
  readonly state: SagaState;
  /** Seq of the last entry of the journal that the state reflects. */
  readonly seq: bigint;
  readonly snapshotSeq: bigint;
  readonly inboxSeen: bigint;
}

/** The owner's circumstances at the moment of a commit. */
export interface Circumstances {
  readonly now: Date;
  readonly random: () => number;
  /** Whether the saga is to be given away as soon as nothing of it runs. */
  readonly stopping: boolean;
  /** Longer waits are spent in the store. */
  readonly keepMs: number;
}

/** A commit, and what will be true once it is durable. */
export interface CommitPlan {
  readonly transition: Transition;
  readonly work: Work;
  readonly commit: SagaCommit;
}

/** What is to be written after these inputs, and whether the saga is given back with it. */
export function planCommit(
  saga: Ownership,
  inputs: readonly MachineInput[],
  { now, random, stopping, keepMs }: Circumstances,
): CommitPlan {
  const next = transition(saga.definition, saga.state, inputs, { now, random, hold: stopping });
  const work = nextWork(next.state);
  const seq = saga.seq + BigInt(next.events.length);
  const sleepMs = work.waiting ? (work.timerAt?.getTime() ?? Infinity) - now.getTime() : 0;
  const over = isSettled(next.state.status);
  const commit: SagaCommit = {
    sagaId: saga.sagaId,
    lease: saga.lease,
    expectedSeq: saga.seq,
    inboxSeen: saga.inboxSeen,
    events: next.events,
    summary: summaryOf(next.state, work),
    release: over || (work.running.length === 0 && (stopping || sleepMs > keepMs)),
  };
  // Of a saga that is over nobody folds the journal in a hurry.
  const snapshotDue = !over && seq - saga.snapshotSeq >= BigInt(saga.definition.snapshotEvery);
  return {
    transition: next,
    work,
    commit: snapshotDue ? { ...commit, snapshot: encodeState(next.state) } : commit,
  };
}

/** Whether a plan writes down that this attempt ended: it does not when the attempt was decided otherwise before. */
export function includesEndOf(plan: CommitPlan, attempt: RunningAttempt): boolean {
  return plan.transition.events.some(
    (event) =>
      event.type === 'AttemptCompleted' &&
      event.path === attempt.path &&
      event.direction === attempt.direction &&
      event.attempt === attempt.attempt,
  );
}
