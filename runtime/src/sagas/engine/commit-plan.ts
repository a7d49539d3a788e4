import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { MachineInput } from '../machine/machine-input.ts';
import { nextWork, type RunningAttempt, summaryOf, type Work } from '../machine/next-work.ts';
import { encodeState } from '../machine/saga-snapshot.ts';
import type { SagaState } from '../machine/saga-state.ts';
import { transition, type Transition } from '../machine/transition.ts';
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
  /** Seq of the last entry of the journal once it is written. */
  readonly seq: bigint;
  /** When it was made. */
  readonly at: Date;
}

/** What is to be written after these inputs, and whether the saga is given back with it. */
export function planCommit(
  saga: Ownership,
  inputs: readonly MachineInput[],
  { now, random, stopping, keepMs }: Circumstances,
): CommitPlan {
  const next = transition(saga, inputs, { now, random, hold: stopping });
  const work = nextWork(saga.definition, next.state, now);
  const seq = saga.seq + BigInt(next.events.length);
  const sleepMs = work.waiting ? (work.timerAt?.getTime() ?? Infinity) - now.getTime() : 0;
  const over = isSettled(next.state.status) && !work.tellParent;
  const summary = summaryOf(saga.definition, next.state, work);
  // What was held back is due for whoever is next, however long the rest waits.
  const held = stopping && transition({ ...saga, state: next.state }, [], { now, random }).events;
  const commit: SagaCommit = {
    sagaId: saga.sagaId,
    lease: saga.lease,
    expectedSeq: saga.seq,
    inboxSeen: saga.inboxSeen,
    events: next.events,
    summary: held && held.length > 0 ? { ...summary, wakeAt: now } : summary,
    release: over || (work.running.length === 0 && (stopping || sleepMs > keepMs)),
  };
  // Of a saga that is over nobody folds the journal in a hurry.
  const snapshotDue = !over && Number(seq - saga.snapshotSeq) >= saga.definition.snapshotEvery;
  return {
    transition: next,
    work,
    seq,
    at: now,
    commit: withRest(commit, saga.state, next.state, snapshotDue),
  };
}

/** What most commits have nothing of, and are not copied for. */
function withRest(
  commit: SagaCommit,
  before: SagaState,
  after: SagaState,
  snapshotDue: boolean,
): SagaCommit {
  const lock = lockOf(before, after);
  const { definitionVersion } = after;
  const migrated = definitionVersion !== before.definitionVersion;
  if (!lock && !migrated && !snapshotDue) return commit;
  return {
    ...commit,
    ...(lock && { lock }),
    ...(migrated && { definitionVersion }),
    ...(snapshotDue && { snapshot: encodeState(after) }),
  };
}

/** What becomes of a saga's keys between two states. */
function lockOf(before: SagaState, after: SagaState): SagaCommit['lock'] {
  if ((before.lock === 'none') === (after.lock === 'none')) return undefined;
  return { kind: after.lock === 'none' ? 'leave' : 'take', keys: after.locks };
}

/** Whether there is nothing to write. */
export function isEmpty({ commit }: CommitPlan, inboxSeen: bigint): boolean {
  return commit.events.length === 0 && commit.inboxSeen === inboxSeen && !commit.release;
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
