import { jsonCodec } from '../../../foundation/json.ts';
import type { SagaStatus } from '../../../sagas/saga-event.ts';
import type { CommitOutcome, Lease, NewSaga, SagaCommit } from '../../../sagas/saga-store.ts';
import { encodeEvents } from './events.ts';
import type { Cell } from './write-values.ts';

/** What became of a new saga. */
export interface CreateOutcome {
  readonly created: boolean;
  readonly status: SagaStatus;
}

/** A commit in the form of the statement. */
export interface CommitWrite {
  readonly kind: 'commit';
  readonly commit: SagaCommit;
  /** In the order of `COMMITS`. */
  readonly cells: readonly Cell[];
}

/** A new saga in the form of the statement. */
export interface CreateWrite {
  readonly kind: 'create';
  readonly saga: NewSaga;
  readonly lease: Lease | null;
  /** In the order of `SAGAS`. */
  readonly cells: readonly Cell[];
}

/** Two writes of one statement are never about the same saga. */
export type SagaWrite = CommitWrite | CreateWrite;

/** What became of a write, by its kind; an error is the write's own. */
export type WriteOutcome =
  | { readonly kind: 'commit'; readonly outcome: CommitOutcome }
  | { readonly kind: 'create'; readonly outcome: CreateOutcome }
  | { readonly kind: 'error'; readonly error: unknown };

/** @throws PotterError `SERIALIZATION_FAILED` before anything else of a group is touched. */
export function commitWrite(commit: SagaCommit): CommitWrite {
  const { summary, events, lease, expectedSeq } = commit;
  const cells: Cell[] = [
    commit.sagaId,
    lease.workerId,
    lease.token,
    expectedSeq,
    expectedSeq + BigInt(events.length),
    commit.inboxSeen,
    summary.status,
    summary.currentStep,
    summary.error === null ? null : jsonCodec.encode(summary.error),
    timeOf(summary.wakeAt),
    timeOf(summary.finishedAt),
    summary.accepts,
    timeOf(events.at(-1)?.at),
    commit.release,
    commit.snapshot ?? null,
    encodeEvents(events),
  ];
  return { kind: 'commit', commit, cells };
}

/** @throws PotterError `SERIALIZATION_FAILED` */
export function createWrite(saga: NewSaga, lease: Lease | null): CreateWrite {
  const { summary, events } = saga;
  const cells: Cell[] = [
    saga.sagaId,
    lease?.workerId ?? null,
    saga.definition,
    saga.definitionVersion,
    saga.correlationId,
    saga.fingerprint,
    BigInt(events.length),
    summary.status,
    summary.currentStep,
    summary.error === null ? null : jsonCodec.encode(summary.error),
    timeOf(summary.wakeAt),
    timeOf(summary.finishedAt),
    summary.accepts,
    timeOf(events[0]?.at) ?? Date.now(),
    encodeEvents(events),
  ];
  return { kind: 'create', saga, lease, cells };
}

function timeOf(at: Date | null | undefined): number | null {
  return at ? at.getTime() : null;
}

export function sagaIdOf(write: SagaWrite): string {
  return write.kind === 'commit' ? write.commit.sagaId : write.saga.sagaId;
}
