import { newId } from 'potter-runtime/foundation';
import { messageBits } from '../../../../runtime/src/sagas/saga-message.ts';
import type { SagaEvent } from '../../../../runtime/src/sagas/saga-event.ts';
import type {
  ClaimedSaga,
  ClaimRequest,
  Lease,
  NewSaga,
  SagaCommit,
  SagaStore,
  SagaSummary,
} from '../../../../runtime/src/sagas/saga-store.ts';

/** A summary of a saga that runs and is due now. */
export function running(overrides: Partial<SagaSummary> = {}): SagaSummary {
  return {
    status: 'running',
    currentStep: 'reserve',
    error: null,
    wakeAt: new Date(Date.now() - 1_000),
    finishedAt: null,
    accepts: messageBits('cancel', 'undo', 'signal'),
    ...overrides,
  };
}

export const completed = (): SagaSummary =>
  running({
    status: 'completed',
    currentStep: null,
    wakeAt: null,
    finishedAt: new Date(),
    accepts: 0,
  });

export function attemptStarted(path = 'reserve'): SagaEvent {
  return {
    type: 'AttemptStarted',
    at: new Date(),
    path,
    direction: 'forward',
    attempt: 1,
    deadlineAt: null,
  };
}

export function attemptCompleted(result: unknown, path = 'reserve'): SagaEvent {
  return {
    type: 'AttemptCompleted',
    at: new Date(),
    path,
    direction: 'forward',
    attempt: 1,
    result,
  };
}

/** A saga of the definition `order-saga` that nobody has started before. */
export function newSaga(overrides: Partial<NewSaga> = {}): NewSaga {
  return {
    sagaId: newId(),
    definition: 'order-saga',
    definitionVersion: 1,
    correlationId: 'correlation-1',
    fingerprint: 'fingerprint-1',
    events: [
      {
        type: 'SagaStarted',
        at: new Date(),
        definition: 'order-saga',
        definitionVersion: 1,
        definitionHash: 'hash',
        input: { orderId: 'order-1' },
        correlationId: 'correlation-1',
        deadlineAt: null,
      },
      attemptStarted(),
    ],
    summary: running(),
    ...overrides,
  };
}

/** The first commit after the two events of {@link newSaga}. */
export function firstCommit(
  sagaId: string,
  lease: Lease,
  overrides: Partial<SagaCommit> = {},
): SagaCommit {
  return {
    sagaId,
    lease,
    expectedSeq: 2n,
    inboxSeen: 0n,
    events: [attemptCompleted({ reserved: true }), attemptStarted('pay')],
    summary: running({ currentStep: 'pay' }),
    release: false,
    ...overrides,
  };
}

/** A registered worker whose lease outlives the test, unless told otherwise. */
export async function registered<Tx>(store: SagaStore<Tx>, ttlMs = 60_000): Promise<string> {
  const workerId = newId();
  await store.heartbeat(workerId, ttlMs);
  return workerId;
}

/** What a worker of {@link newSaga} asks for. */
export function claimBy(workerId: string, overrides: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    workerId,
    ttlMs: 60_000,
    known: null,
    limit: 100,
    now: new Date(),
    definitions: [{ name: 'order-saga', version: 1 }],
    ...overrides,
  };
}

/** The sagas a claim brought; an error when the worker's lease is over. */
export async function claimed<Tx>(
  store: SagaStore<Tx>,
  request: ClaimRequest,
): Promise<readonly ClaimedSaga[]> {
  const outcome = await store.claim(request);
  if (outcome.kind === 'lease-lost') throw new Error(`worker ${request.workerId} lost its lease`);
  return outcome.sagas;
}
