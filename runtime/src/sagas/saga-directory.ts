import type { SagaError, SagaStatus } from './saga-event.ts';
import type { DefinitionVersion } from './saga-store.ts';

/** Which sagas: those for which everything that is named holds. */
export interface SagaFilter {
  readonly status?: readonly SagaStatus[];
  readonly paused?: boolean;
  readonly definition?: string;
  readonly definitionVersion?: number;
  /** Path of the step it is at. */
  readonly currentStep?: string;
  readonly correlationId?: string;
  /** Started then or later. */
  readonly startedFrom?: Date;
  /** Started earlier. */
  readonly startedBefore?: Date;
  /** Only sagas that are not over and of none of these: who has only these cannot run them. */
  readonly unknownTo?: readonly DefinitionVersion[];
}

/** A part of a list. */
export interface DirectoryPage {
  /** Ids after this one in the order of their characters; default: from the first. */
  readonly after?: string;
  /** From 1. */
  readonly limit: number;
}

/** A saga as lists show it: without its journal. */
export interface SagaListing {
  readonly sagaId: string;
  readonly definition: string;
  readonly definitionVersion: number;
  readonly correlationId: string;
  readonly status: SagaStatus;
  readonly paused: boolean;
  readonly currentStep: string | null;
  readonly error: SagaError | null;
  readonly startedAt: Date;
  readonly updatedAt: Date;
  readonly finishedAt: Date | null;
}

/** Where a saga stands in the queue for a key that it waits for. */
export interface LockPlace {
  readonly key: string;
  /** The saga that has the key. */
  readonly holder: string;
  /** How many have or get the key before it: 1 when it is next. */
  readonly ahead: number;
}

/** What waits to be done, for gauges. */
export interface SagaBacklog {
  /** Sagas that wait for a person. */
  readonly failed: number;
  /** When the saga became due that has been due the longest without anybody taking it up; null: none is. */
  readonly oldestDueAt: Date | null;
}

/**
 * Finds sagas by what claims keep of them. In the order of their ids, so that a list can be gone through while its members
 * change. Sagas that are not over are found fast whatever the number of those that are; of those that are, every one is
 * looked at: read models are the place for questions about the past.
 */
export interface SagaDirectory {
  list(filter: SagaFilter, page: DirectoryPage): Promise<readonly SagaListing[]>;
  /** Queues of its keys in which a saga is not the first, in the order of the keys; none when it waits for no key. */
  lockPlaces(sagaId: string): Promise<readonly LockPlace[]>;
  /** @param definitions whose sagas count as due: those of others nobody here could take up. */
  backlog(definitions: readonly DefinitionVersion[], now: Date): Promise<SagaBacklog>;
}
