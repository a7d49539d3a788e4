import { type Clock, systemClock } from '../../foundation/clock.ts';
import { sagaAlreadyExists } from '../saga-already-exists.ts';
import type {
  DirectoryPage,
  LockPlace,
  SagaBacklog,
  SagaFilter,
  SagaListing,
} from '../saga-directory.ts';
import { newId } from '../../foundation/ids.ts';
import type { JournalEntry, SagaStatus } from '../saga-event.ts';
import type { SagaFeed } from '../saga-feed.ts';
import { accepts, type SagaMessage } from '../saga-message.ts';
import { isFinished } from '../saga-status.ts';
import type {
  ClaimedSaga,
  ClaimOutcome,
  ClaimRequest,
  CommitOutcome,
  DefinitionVersion,
  InboxEntry,
  Lease,
  NewSaga,
  PostOutcome,
  SagaCommit,
  SagaStore,
  StoredSaga,
  WorkListener,
} from '../saga-store.ts';
import {
  beginInMemoryTransaction,
  type InMemoryTransaction,
  type TransactionControl,
} from './in-memory-transaction.ts';
import { InMemoryLimits } from './in-memory-limits.ts';
import { InMemoryLockQueues } from './in-memory-lock-queues.ts';
import { InMemorySagaFeed } from './in-memory-saga-feed.ts';
import { backlogOf, definitionKey, listRows } from './list-rows.ts';
import { RowLocks } from './row-locks.ts';
import { SagaRow } from './saga-row.ts';
import { WorkListeners } from './work-listeners.ts';
import { WorkerLeases } from './worker-leases.ts';

class MemoryStore<Tx> implements SagaStore<Tx> {
  readonly #begin: () => TransactionControl<Tx>;
  readonly #feed = new InMemorySagaFeed();
  readonly #rows = new Map<string, SagaRow>();
  readonly #leases: WorkerLeases;
  readonly #locks = new RowLocks<Tx>();
  readonly #limits = new InMemoryLimits();
  readonly #queues = new InMemoryLockQueues();
  readonly #clock: Clock;
  readonly #listeners = new WorkListeners();

  constructor(clock: Clock, begin: () => TransactionControl<Tx>) {
    this.#clock = clock;
    this.#leases = new WorkerLeases(clock);
    this.#begin = begin;
  }

  /** The journals of all sagas of this store. */
  get feed(): SagaFeed {
    return this.#feed;
  }

  async create(
    saga: NewSaga,
    options: { readonly lease?: Lease | null; readonly transaction?: Tx } = {},
  ): Promise<{ readonly created: boolean; readonly status: SagaStatus }> {
    const { locks = [] } = saga;
    const { transaction } = options;
    const unowned = locks.length > 0 || saga.limitKey !== undefined;
    const lease = unowned ? null : (options.lease ?? null);
    let blocked;
    while ((blocked = this.#blocked(saga.sagaId, transaction))) await blocked;
    const existing = this.#rows.get(saga.sagaId);
    if (existing) {
      if (existing.saga.fingerprint !== saga.fingerprint) throw sagaAlreadyExists(saga);
      const created = lease !== null && existing.isOwnedBy(lease) && existing.isAsCreated(saga);
      return { created, status: existing.summary.status };
    }
    const row = new SagaRow(saga);
    this.#rows.set(saga.sagaId, row);
    if (transaction !== undefined) {
      this.#locks.lock(row, transaction, {
        apply: () => {
          this.#feed.add(row, 0, saga.events.length);
          this.#give(row, null);
          this.#queueUp(row, locks);
        },
        undo: () => this.#rows.delete(saga.sagaId),
      });
    } else {
      if (lease) row.token = lease.token;
      this.#feed.add(row, 0, saga.events.length);
      this.#give(row, lease?.workerId ?? null);
      this.#queueUp(row, locks);
    }
    return { created: true, status: saga.summary.status };
  }

  /** Not an async function, whose state costs more than the write does. */
  commit(commit: SagaCommit, options: { readonly transaction?: Tx } = {}): Promise<CommitOutcome> {
    const { transaction } = options;
    const blocked = this.#blocked(commit.sagaId, transaction);
    if (blocked) return blocked.then(() => this.commit(commit, options));
    try {
      return Promise.resolve(this.#commit(commit, transaction));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #commit(commit: SagaCommit, transaction: Tx | undefined): CommitOutcome {
    const row = this.#rows.get(commit.sagaId);
    if (!row?.isOwnedBy(commit.lease) || !this.#leases.isAlive(commit.lease.workerId)) {
      return { kind: 'lease-lost' };
    }
    if (row.seq !== commit.expectedSeq) return { kind: 'diverged', seq: row.seq };
    if (row.inbox.length > Number(commit.inboxSeen)) {
      return { kind: 'messages', inbox: row.messagesAfter(commit.inboxSeen) };
    }
    if (transaction === undefined) {
      this.#write(row, commit);
      return { kind: 'committed', seq: row.seq };
    }
    const apply = (): void => this.#write(row, commit);
    this.#locks.lock(row, transaction, { apply, undo: () => {} });
    return { kind: 'committed', seq: commit.expectedSeq + BigInt(commit.events.length) };
  }

  async transaction<T>(work: (transaction: Tx) => Promise<T>): Promise<T> {
    const control = this.#begin();
    const { transaction } = control;
    this.#locks.open(transaction);
    try {
      const value = await work(transaction);
      control.commit();
      this.#locks.release(transaction, 'apply');
      return value;
    } catch (error) {
      control.rollback();
      this.#locks.release(transaction, 'undo');
      throw error;
    }
  }

  async claim(request: ClaimRequest): Promise<ClaimOutcome> {
    if (!this.#leases.renew(request.workerId, request.ttlMs)) return { kind: 'lease-lost' };
    const known = new Set(request.definitions.map(definitionKey));
    const nowMs = request.now.getTime();
    const sagas: ClaimedSaga[] = [];
    const forgotten = (request.known ? this.#leases.ownedBy(request.workerId) : []).filter(
      ({ saga }) => !request.known?.includes(saga.sagaId),
    );
    const due: SagaRow[] = [];
    for (const row of [...forgotten, ...this.#leases.free()]) {
      if (row.lockedBy !== null || (row.owner === null && !row.isDue(nowMs))) continue;
      const {
        saga: { definition: name },
        definitionVersion: version,
      } = row;
      if (known.has(definitionKey({ name, version }))) due.push(row);
    }
    const { rows, lookAgainInMs } = this.#limits.among(
      due,
      this.#leases.owned(),
      request,
      this.#clock.now().getTime(),
    );
    for (const row of rows) {
      row.token += 1n;
      this.#give(row, request.workerId);
      sagas.push({
        ...row.stored(),
        lease: { workerId: request.workerId, token: row.token },
        inbox: row.messagesAfter(row.inboxSeen),
        inboxSeen: row.inboxSeen,
      });
    }
    const messages = this.#leases
      .ownedBy(request.workerId)
      .filter((row) => row.hasMessages)
      .map((row) => row.saga.sagaId);
    return {
      kind: 'claimed',
      sagas,
      messages,
      ...(lookAgainInMs !== undefined && { lookAgainInMs }),
    };
  }

  async unclaimable(
    definitions: readonly DefinitionVersion[],
  ): Promise<readonly (DefinitionVersion & { readonly count: number })[]> {
    const known = new Set(definitions.map(definitionKey));
    const counts = new Map<string, DefinitionVersion & { readonly count: number }>();
    for (const { saga, summary, definitionVersion: version } of this.#rows.values()) {
      const definition = { name: saga.definition, version };
      const key = definitionKey(definition);
      if (isFinished(summary.status) || known.has(key)) continue;
      counts.set(key, { ...definition, count: (counts.get(key)?.count ?? 0) + 1 });
    }
    return [...counts.values()];
  }

  async post(sagaId: string, message: SagaMessage): Promise<PostOutcome> {
    let blocked;
    while ((blocked = this.#blocked(sagaId, undefined))) await blocked;
    const row = this.#rows.get(sagaId);
    if (!row) return { kind: 'not-found' };
    const before = row.inbox.find((entry) => entry.message.messageId === message.messageId);
    if (before) return { kind: 'accepted', seq: before.seq };
    const { status, accepts: accepted } = row.summary;
    if (!accepts(accepted, message.kind)) return { kind: 'refused', status };
    const seq = BigInt(row.inbox.length + 1);
    row.inbox.push({ seq, message });
    this.#announceMessage(row);
    return { kind: 'accepted', seq };
  }

  async list(filter: SagaFilter, page: DirectoryPage): Promise<readonly SagaListing[]> {
    return listRows(
      [...this.#rows.values()].filter((row) => this.#leases.knows(row)),
      filter,
      page,
    );
  }

  async backlog(definitions: readonly DefinitionVersion[], now: Date): Promise<SagaBacklog> {
    const known = new Set(definitions.map(definitionKey));
    return backlogOf(
      [...this.#rows.values()].filter((row) => this.#leases.knows(row)),
      known,
      now,
    );
  }

  async lockPlaces(sagaId: string): Promise<readonly LockPlace[]> {
    const row = this.#committedRow(sagaId);
    return row ? this.#queues.places(row) : [];
  }

  async inbox(sagaId: string, seen: bigint): Promise<readonly InboxEntry[]> {
    return this.#committedRow(sagaId)?.messagesAfter(seen) ?? [];
  }

  async load(sagaId: string): Promise<StoredSaga | undefined> {
    return this.#committedRow(sagaId)?.stored();
  }

  async journal(
    sagaId: string,
    options: { readonly after?: bigint; readonly limit?: number } = {},
  ): Promise<readonly JournalEntry[]> {
    return this.#committedRow(sagaId)?.entries(options.after ?? 0n, options.limit) ?? [];
  }

  async *follow(
    sagaId: string,
    { after, signal }: { readonly after: bigint; readonly signal: AbortSignal },
  ): AsyncIterable<JournalEntry> {
    let read = after;
    while (!signal.aborted) {
      const row = this.#committedRow(sagaId);
      if (!row) return;
      const entries = row.entries(read);
      for (const entry of entries) {
        read = entry.seq;
        yield entry;
        if (signal.aborted) return;
      }
      if (entries.length === 0) await row.nextEntry(signal);
    }
  }

  async heartbeat(workerId: string, ttlMs: number): Promise<boolean> {
    return this.#leases.renew(workerId, ttlMs);
  }

  async deregister(workerId: string): Promise<void> {
    this.#leases.end(workerId);
    this.#listeners.tellOfWork();
  }

  async listen(listener: WorkListener): Promise<() => Promise<void>> {
    const hangUp = this.#listeners.add(listener);
    return async () => hangUp();
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  #write(row: SagaRow, commit: SagaCommit): void {
    row.append(commit.events);
    this.#feed.add(row, Number(commit.expectedSeq), commit.events.length);
    row.summary = commit.summary;
    row.definitionVersion = commit.definitionVersion ?? row.definitionVersion;
    row.inboxSeen = commit.inboxSeen;
    if (commit.snapshot !== undefined) row.takeSnapshot(commit.snapshot);
    if (commit.release) this.#give(row, null);
    if (commit.lock?.kind === 'take') this.#queueUp(row, commit.lock.keys);
    if (commit.lock?.kind === 'leave') {
      for (const next of this.#queues.leave(row, commit.lock.keys)) this.#grant(next);
    }
  }

  #queueUp(row: SagaRow, keys: readonly string[]): void {
    if (keys.length > 0 && this.#queues.join(row, keys)) this.#grant(row);
  }

  /** Its keys are its own from now on. */
  #grant(row: SagaRow): void {
    const message = { kind: 'locked', messageId: newId(), at: this.#clock.now() } as const;
    row.inbox.push({ seq: BigInt(row.inbox.length + 1), message });
    this.#announceMessage(row);
  }

  #announceMessage(row: SagaRow): void {
    if (row.owner === null) this.#give(row, null);
    else this.#listeners.tellOfMessage(row.saga.sagaId);
  }

  /** Changes a row's owner; a row that nobody owns is announced. */
  #give(row: SagaRow, workerId: string | null): void {
    this.#leases.assign(row, workerId);
    if (workerId === null && (row.summary.wakeAt !== null || row.hasMessages)) {
      this.#listeners.tellOfWork();
    }
  }

  /**
   * Resolves when the transaction that has a row locked ends; undefined when no other one has. Whoever was not made to wait
   * must go on without a pause: between looking and writing nobody else may come.
   */
  #blocked(sagaId: string, transaction: Tx | undefined): Promise<void> | undefined {
    const row = this.#rows.get(sagaId);
    return !row || row.lockedBy === null || row.lockedBy === (transaction as object | undefined)
      ? undefined
      : this.#locks.released(row);
  }

  /** A row unless the transaction that made it is still open. */
  #committedRow(sagaId: string): SagaRow | undefined {
    const row = this.#rows.get(sagaId);
    return row && this.#leases.knows(row) ? row : undefined;
  }
}

/** Options of an in-memory store. */
export interface InMemorySagaStoreOptions {
  /** Counts leases. Default the system's. */
  readonly clock?: Clock;
}

/**
 * Sagas in this process's memory: for tests, and for services whose sagas need not survive them. Everything a database
 * does is done: leases with tokens, inbox, atomic commits, transactions that lock what they wrote, notifications.
 */
export class InMemorySagaStore extends MemoryStore<InMemoryTransaction> {
  constructor(options: InMemorySagaStoreOptions = {}) {
    super(options.clock ?? systemClock, beginInMemoryTransaction);
  }
}

/** The same, for sagas whose transactional steps need another kind of transaction: a fake of their database's, say. */
export class InMemorySagaStoreWith<Tx> extends MemoryStore<Tx> {
  constructor(
    options: InMemorySagaStoreOptions & {
      /** Opens the transactions that transactional steps get. */
      readonly begin: () => TransactionControl<Tx>;
    },
  ) {
    super(options.clock ?? systemClock, options.begin);
  }
}
