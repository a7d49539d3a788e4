import { newId } from '../../foundation/ids.ts';
import type { ClaimLimits } from '../../sagas/definition/limits.ts';
import type { SagaEvent, SagaStatus } from '../../sagas/saga-event.ts';
import { messageBits } from '../../sagas/saga-message.ts';
import { isFinished } from '../../sagas/saga-status.ts';
import type {
  ClaimedSaga,
  Lease,
  NewSaga,
  SagaCommit,
  SagaStore,
  SagaSummary,
} from '../../sagas/saga-store.ts';

/** What the rules are tried on. */
export interface SagaStoreSubject<Tx> {
  readonly store: SagaStore<Tx>;
  /** Makes the lease of a worker run out, as its silence would. */
  readonly expire: (workerId: string) => Promise<void>;
}

/** A rule before it has a store. */
export interface SagaStoreRule<Tx> {
  readonly name: string;
  readonly check: (bench: SagaStoreBench<Tx>) => Promise<void>;
}

const START = new Date('2026-02-03T04:05:06.789Z');
const TTL_MS = 60_000;

/** What rules work with: sagas of a definition nobody else has, so that a store may be shared. */
export class SagaStoreBench<Tx> {
  readonly store: SagaStore<Tx>;
  readonly expire: (workerId: string) => Promise<void>;
  readonly definition: string = `contract-${newId()}`;
  readonly now: Date = START;
  readonly ttlMs: number = TTL_MS;

  constructor({ store, expire }: SagaStoreSubject<Tx>) {
    this.store = store;
    this.expire = expire;
  }

  /** A worker with a lease. */
  async worker(): Promise<string> {
    const workerId = `worker-${newId()}`;
    await this.store.heartbeat(workerId, TTL_MS);
    return workerId;
  }

  newSaga(overrides: Partial<NewSaga> = {}): NewSaga {
    return {
      sagaId: newId(),
      definition: this.definition,
      definitionVersion: 1,
      correlationId: 'correlation-1',
      fingerprint: 'fingerprint-1',
      events: [started(this.definition)],
      summary: summary('pending'),
      ...overrides,
    };
  }

  /** A saga that a worker owns. */
  async owned(workerId?: string): Promise<{ sagaId: string; lease: Lease }> {
    const lease = { workerId: workerId ?? (await this.worker()), token: 1n };
    const saga = this.newSaga();
    await this.store.create(saga, { lease });
    return { sagaId: saga.sagaId, lease };
  }

  /** A saga that nobody owns. */
  async free(overrides: Partial<NewSaga> = {}): Promise<string> {
    const saga = this.newSaga(overrides);
    await this.store.create(saga);
    return saga.sagaId;
  }

  commitOf(sagaId: string, lease: Lease, overrides: Partial<SagaCommit> = {}): SagaCommit {
    return {
      sagaId,
      lease,
      expectedSeq: 1n,
      inboxSeen: 0n,
      events: [attempt(1)],
      summary: summary('running'),
      release: false,
      ...overrides,
    };
  }

  /** What a worker gets when it claims everything of this rule's definition. */
  async claim(
    workerId: string,
    options: {
      readonly limit?: number;
      readonly now?: Date;
      readonly version?: number;
      readonly known?: readonly string[];
      readonly limits?: ClaimLimits;
    } = {},
  ): Promise<readonly ClaimedSaga[]> {
    const { version = 1, limits } = options;
    const outcome = await this.store.claim({
      workerId,
      ttlMs: TTL_MS,
      limit: options.limit ?? 1_000,
      now: options.now ?? START,
      known: options.known ?? null,
      definitions: [{ name: this.definition, version, ...(limits && { limits }) }],
    });
    if (outcome.kind !== 'claimed') throw new Error(`The claim of ${workerId} was refused.`);
    return outcome.sagas;
  }
}

/** What lists and claims see of a saga that has work now. */
export function summary(status: SagaStatus, overrides: Partial<SagaSummary> = {}): SagaSummary {
  return {
    status,
    currentStep: null,
    error: null,
    wakeAt: START,
    finishedAt: null,
    accepts: isFinished(status) ? 0 : messageBits('cancel', 'undo', 'signal'),
    ...overrides,
  };
}

/** A journal's first entry. */
export function started(definition: string): SagaEvent {
  return {
    type: 'SagaStarted',
    at: START,
    definition,
    definitionVersion: 1,
    definitionHash: 'hash',
    input: { amount: 9_007_199_254_740_993n, at: START, text: 'ünï 😀', none: null },
    correlationId: 'correlation-1',
    deadlineAt: null,
  };
}

/** The beginning of an attempt. */
export function attempt(number: number): SagaEvent {
  return {
    type: 'AttemptStarted',
    at: START,
    path: 'step',
    direction: 'forward',
    attempt: number,
    deadlineAt: new Date(START.getTime() + 30_000),
  };
}
