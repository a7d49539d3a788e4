import type { SagaDirectory } from './saga-directory.ts';
import type { ClaimLimits } from './definition/limits.ts';
import type { JournalEntry, SagaError, SagaEvent, SagaStatus } from './saga-event.ts';
import type { SagaMessage } from './saga-message.ts';

/** What lists and claims need to know of a saga without reading its journal. Derived by the machine at every commit. */
export interface SagaSummary {
  readonly status: SagaStatus;
  /** Path of the step being done or undone; null when there is none. */
  readonly currentStep: string | null;
  readonly error: SagaError | null;
  /** When the saga has something to do without being told: now, at a retry, at a deadline. Null: only a message wakes it. */
  readonly wakeAt: Date | null;
  readonly finishedAt: Date | null;
  /** Which kinds of message it can take now, as a sum of `MESSAGE_BITS`. */
  readonly accepts: number;
}

/** The state of a saga up to `seq`, as text that only the machine reads. Bounds what a takeover has to fold. */
export interface SagaSnapshot {
  readonly seq: bigint;
  readonly state: string;
}

/** The right to write a saga. The token grows with every change of owner; a write with an older one is refused. */
export interface Lease {
  readonly workerId: string;
  readonly token: bigint;
}

/** A saga about to be stored for the first time. */
export interface NewSaga {
  readonly sagaId: string;
  readonly definition: string;
  readonly definitionVersion: number;
  readonly correlationId: string;
  /** Hash of definition name and input: the same id with another fingerprint is refused. */
  readonly fingerprint: string;
  /** SagaStarted and, when the creator goes on with it at once, the first intent. */
  readonly events: readonly SagaEvent[];
  readonly summary: SagaSummary;
  /** Keys it queues up for with its creation, sorted, each once; see {@link SagaCommit.lock}. Default: none. */
  readonly locks?: readonly string[];
  /** Its definition has limits, and this is the key by which it takes its turn; see {@link DefinitionVersion.limits}. */
  readonly limitKey?: string;
  /** 0 (default) to 9: the higher are claimed first; with limits, the higher of its key. */
  readonly priority?: number;
}

/** A message with its place in the saga's inbox: 1n, 2n, … */
export interface InboxEntry {
  readonly seq: bigint;
  readonly message: SagaMessage;
}

/** A saga as stored. */
export interface StoredSaga {
  readonly sagaId: string;
  readonly definition: string;
  readonly definitionVersion: number;
  readonly correlationId: string;
  readonly summary: SagaSummary;
  readonly startedAt: Date;
  readonly updatedAt: Date;
  readonly snapshot: SagaSnapshot | null;
  /** The journal after the snapshot, or all of it. */
  readonly tail: readonly JournalEntry[];
  /** Whether it was told something that the journal does not yet reflect. */
  readonly unheard: boolean;
}

/** A saga that this worker may now write. */
export interface ClaimedSaga extends StoredSaga {
  readonly lease: Lease;
  /** Messages that the journal does not yet reflect. */
  readonly inbox: readonly InboxEntry[];
  /** Highest inbox seq that the journal reflects. */
  readonly inboxSeen: bigint;
}

/** One durable write: what happened, and what is intended next. */
export interface SagaCommit {
  readonly sagaId: string;
  readonly lease: Lease;
  /** Seq of the last journal entry the writer knows. */
  readonly expectedSeq: bigint;
  /** Highest inbox seq that the journal reflects after this commit. */
  readonly inboxSeen: bigint;
  /** Never empty, unless `release` is set or only `inboxSeen` moves. */
  readonly events: readonly SagaEvent[];
  readonly summary: SagaSummary;
  /** State after these events, when it is time for a snapshot. */
  readonly snapshot?: string;
  /** The version of its definition that the saga has from now on. Default: as before. */
  readonly definitionVersion?: number;
  /** Give the lease back with this commit (the saga sleeps or is over). */
  readonly release: boolean;
  /**
   * `take`: the saga queues up for these keys, sorted, each once, behind all that queued up before. When it is the first
   * for all of them, at once or later, it gets a message `locked`, in the commit that makes it so.
   * `leave`: it leaves the queues it is in, whatever its place, and whoever is first then is told.
   */
  readonly lock?: { readonly kind: 'take' | 'leave'; readonly keys: readonly string[] };
}

/**
 * What became of a commit. The checks are made in this order, and a refused commit writes nothing:
 * - `lease-lost`: another process owns the saga, or this worker's lease ran out.
 * - `diverged`: the lease is good, but the journal is not at `expectedSeq`: an earlier commit of this writer, whose
 *   answer was lost, went through after all. The writer reads the journal and goes on from there.
 * - `messages`: a message arrived that the writer has not seen; here they are. That is how a cancel and a completion
 *   that race have exactly one winner. In a caller's transaction the transaction is still good: commit again in it.
 * - `committed`: durable (in a caller's transaction: once that commits).
 */
export type CommitOutcome =
  | { readonly kind: 'committed'; readonly seq: bigint }
  | { readonly kind: 'diverged'; readonly seq: bigint }
  | { readonly kind: 'messages'; readonly inbox: readonly InboxEntry[] }
  | { readonly kind: 'lease-lost' };

/** What became of a message. */
export type PostOutcome =
  | { readonly kind: 'accepted'; readonly seq: bigint }
  | { readonly kind: 'refused'; readonly status: SagaStatus }
  | { readonly kind: 'not-found' };

/** What a worker asks for. */
export interface ClaimRequest {
  readonly workerId: string;
  /** The worker's lease is extended by this with the claim, as `heartbeat` does: one statement a poll. */
  readonly ttlMs: number;
  /** How many at most; 0 when the worker is full and only wants its lease extended. */
  readonly limit: number;
  /** Sagas whose `wakeAt` is not after this are due. */
  readonly now: Date;
  /**
   * Sent for a while after a claim whose answer was lost: all the sagas this worker knows it owns. Others that it owns
   * it was given by that claim, and nobody runs them: they are claimed anew, with a new token, whatever their `wakeAt`.
   * Null: nothing was lost.
   */
  readonly known: readonly string[] | null;
  /** What this process can run; others are left for processes that can. */
  readonly definitions: readonly DefinitionVersion[];
}

/** Names what a process can run. */
export interface DefinitionVersion {
  readonly name: string;
  readonly version: number;
  /**
   * A claim leaves no more of the sagas that were created with a limit key owned than these allow, whoever claims at the
   * same time. They are claimed in turn by their keys, those with the fewest owned first; of one key first what was owned
   * before or was told something, then by priority, then by age. Default: none.
   */
  readonly limits?: ClaimLimits;
}

/** What a claim brought. */
export type ClaimOutcome =
  | {
      readonly kind: 'claimed';
      readonly sagas: readonly ClaimedSaga[];
      /** Sagas this worker owns already that have messages their journal does not reflect, in case a notification was lost. */
      readonly messages: readonly string[];
      /** When a claim would bring more than this one, or might, although nothing happens until then. Undefined: it is told. */
      readonly lookAgainInMs?: number;
    }
  /** The worker's lease had run out, as with `heartbeat`: nothing was claimed. */
  | { readonly kind: 'lease-lost' };

/** Told when there may be something to do. */
export interface WorkListener {
  /** Some saga may be claimable. */
  onWork(): void;
  /** A saga that this worker may own has a message. */
  onMessage(sagaId: string): void;
}

/**
 * Where sagas live. `Tx` is the adapter's transaction, `never` where there is none.
 *
 * Ownership is by worker: a worker registers, keeps its lease alive with `heartbeat`, and owns the sagas it created or
 * claimed. When its lease runs out, or it deregisters, every saga it owned is claimable at once. Lease time is the
 * store's own, never a process's.
 */
export interface SagaStore<Tx = never> extends SagaDirectory {
  /**
   * Stores a saga that does not exist yet. With a lease of token 1n the creating worker owns it at once; with null, or in
   * a caller's transaction, it is left for whoever claims it (after that transaction commits): the first claim of such
   * a saga has token 1n.
   * Repeatable: the same call with the same lease, when the saga is there and nothing else was written since, answers
   * `created: true` again, because the answer to the first may have been lost and nobody else would run the saga.
   * A saga with locks or limits is owned by nobody at first, whatever the lease; places in a queue are given in the order of
   * acceptance, which in a caller's transaction is that of its commit.
   * @returns `created: false` when a saga with this id and fingerprint is there already.
   * @throws PotterError `SAGA_ALREADY_EXISTS` when its fingerprint differs.
   */
  create(
    saga: NewSaga,
    options?: { readonly lease?: Lease | null; readonly transaction?: Tx },
  ): Promise<{ readonly created: boolean; readonly status: SagaStatus }>;

  /** One atomic write, checked against lease, journal and inbox in the same statement. Adapters may group the commits of many sagas. */
  commit(commit: SagaCommit, options?: { readonly transaction?: Tx }): Promise<CommitOutcome>;

  /** Runs work in a transaction of the store's database; throws what the work throws, after rolling back. */
  transaction<T>(work: (transaction: Tx) => Promise<T>): Promise<T>;

  /**
   * Takes over sagas that are due and owned by nobody, or by a worker whose lease ran out. Due: `wakeAt` is not after
   * `now`, or there are messages the journal does not reflect. Never blocks on another claim.
   */
  claim(request: ClaimRequest): Promise<ClaimOutcome>;

  /** Sagas that are not finished and that none of these definitions can run, counted by definition. For warnings only: asked seldom. */
  unclaimable(
    definitions: readonly DefinitionVersion[],
  ): Promise<readonly (DefinitionVersion & { readonly count: number })[]>;

  /**
   * Puts a message into a saga's inbox, when its summary accepts that kind; decided atomically with commits. The same
   * messageId again is accepted once. A saga that nobody owns is due at once.
   */
  post(sagaId: string, message: SagaMessage): Promise<PostOutcome>;

  /** Messages after `seen`, in order. */
  inbox(sagaId: string, seen: bigint): Promise<readonly InboxEntry[]>;

  /** The saga, or undefined. Needs no lease. */
  load(sagaId: string): Promise<StoredSaga | undefined>;

  /** The journal after `after` (0n: from the start), at most `limit` entries (default all). */
  journal(
    sagaId: string,
    options?: { readonly after?: bigint; readonly limit?: number },
  ): Promise<readonly JournalEntry[]>;

  /** The journal from after `after`, then each new entry as it is committed by any process, until `signal` fires. Woken by notification. */
  follow(
    sagaId: string,
    options: { readonly after: bigint; readonly signal: AbortSignal },
  ): AsyncIterable<JournalEntry>;

  /** Registers a worker, or extends its lease, for `ttlMs`. @returns false when its lease had run out: its sagas are lost to it for good. */
  heartbeat(workerId: string, ttlMs: number): Promise<boolean>;

  /** Ends a worker's lease: its sagas are claimable at once, and other workers are told. */
  deregister(workerId: string): Promise<void>;

  /** Calls the listener when work may be there, until the returned function is called. Notifications may be lost: poll as well. */
  listen(listener: WorkListener): Promise<() => Promise<void>>;

  close(): Promise<void>;
}
