import { PotterError } from '../../errors/potter-error.ts';
import { type Logger, silentLogger } from '../../foundation/logger.ts';
import type {
  DirectoryPage,
  LockPlace,
  SagaBacklog,
  SagaFilter,
  SagaListing,
} from '../../sagas/saga-directory.ts';
import type { JournalEntry, SagaStatus } from '../../sagas/saga-event.ts';
import type { SagaMessage } from '../../sagas/saga-message.ts';
import type {
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
} from '../../sagas/saga-store.ts';
import type { PostgresPool, PostgresTransaction } from '../connection/client.ts';
import { CommitNotifier } from '../connection/commit-notifier.ts';
import { translatePostgresError } from '../connection/errors.ts';
import { targetOfPool } from '../connection/pool-target.ts';
import { claimSagas } from './store/claim.ts';
import { listSagas, readBacklog } from './store/directory.ts';
import { followJournal } from './store/follow.ts';
import { postMessage, readInbox } from './store/inbox.ts';
import { countUnclaimable, loadSaga, readJournal } from './store/read.ts';
import { readLockPlaces } from './store/lock-places.ts';
import { SagaSignals } from './store/signals.ts';
import { endLease, extendLease, forgetWorkers } from './store/workers.ts';
import { commitWrite, createWrite } from './store/write.ts';
import { SAGA_FEED_CHANNEL } from './store/write-sql.ts';
import { SagaWriter } from './store/writer.ts';
import { inTransaction } from '../connection/transaction.ts';

/** Options of {@link PostgresSagaStore}. */
export interface PostgresSagaStoreOptions {
  /** The store takes three connections at most for itself: two for commits, one to listen; two more where sagas have locks. Its owner closes it. */
  readonly pool: PostgresPool;
  /** Most commits in one statement. Default 128; 1 turns grouping off. */
  readonly maxGroup?: number;
  /** Statements with commits in flight at once, at most. Default 2: one is filled while one is flushed. */
  readonly commitConnections?: number;
  /**
   * Told of work, one process looks at once and each of the others so many milliseconds after the one before it, and
   * together they look no more often while they are told all the time. Default 5; 0: each looks whenever it is told.
   */
  readonly lookSpacingMs?: number;
  /** Told when the listening connection breaks. Default: nobody. */
  readonly logger?: Logger;
}

/**
 * Sagas in PostgreSQL, in the tables of the component `sagas`. Commits and starts of different sagas that are asked for
 * at the same time share one statement and one flush to disk; those in a caller's transaction run in it at once.
 */
export class PostgresSagaStore implements SagaStore<PostgresTransaction>, AsyncDisposable {
  readonly #pool: PostgresPool;
  readonly #notifier: CommitNotifier;
  readonly #writer: SagaWriter;
  readonly #signals: SagaSignals;
  #closed: Promise<void> | undefined;

  constructor(options: PostgresSagaStoreOptions) {
    this.#pool = options.pool;
    const logger = options.logger ?? silentLogger;
    this.#notifier = new CommitNotifier(options.pool, SAGA_FEED_CHANNEL, logger);
    this.#writer = new SagaWriter(options.pool, this.#notifier, {
      maxAppends: options.maxGroup ?? 128,
      lanes: options.commitConnections ?? 2,
    });
    this.#signals = new SagaSignals(options.pool, options.lookSpacingMs ?? 5, logger);
  }

  create(
    saga: NewSaga,
    options: { readonly lease?: Lease | null; readonly transaction?: PostgresTransaction } = {},
  ): Promise<{ readonly created: boolean; readonly status: SagaStatus }> {
    return attempt(() => {
      this.#assertOpen();
      const { lease = null, transaction } = options;
      const mayOwn = transaction === undefined && !saga.locks && saga.limitKey === undefined;
      const write = createWrite(saga, mayOwn ? lease : null);
      return this.#writer.create(write, transaction);
    });
  }

  commit(
    commit: SagaCommit,
    options: { readonly transaction?: PostgresTransaction } = {},
  ): Promise<CommitOutcome> {
    return attempt(() => {
      this.#assertOpen();
      return this.#writer.commit(commitWrite(commit), options.transaction);
    });
  }

  async transaction<T>(work: (transaction: PostgresTransaction) => Promise<T>): Promise<T> {
    this.#assertOpen();
    let used: PostgresTransaction | undefined;
    const value = await inTransaction(this.#pool, (transaction) => {
      used = transaction;
      return work(transaction);
    });
    if (used !== undefined) this.#writer.committed(used);
    return value;
  }

  claim(request: ClaimRequest): Promise<ClaimOutcome> {
    return this.#ask(() =>
      claimSagas(
        this.#pool,
        request,
        (id) => loadSaga(this.#pool, id),
        (place) => {
          this.#signals.learn(place);
          this.#writer.workers(place.workers);
        },
      ),
    );
  }

  unclaimable(
    definitions: readonly DefinitionVersion[],
  ): Promise<readonly (DefinitionVersion & { readonly count: number })[]> {
    return this.#ask(() => countUnclaimable(this.#pool, definitions));
  }

  list(filter: SagaFilter, page: DirectoryPage): Promise<readonly SagaListing[]> {
    return this.#ask(() => listSagas(this.#pool, filter, page));
  }

  lockPlaces(sagaId: string): Promise<readonly LockPlace[]> {
    return this.#ask(() => readLockPlaces(this.#pool, sagaId));
  }

  backlog(definitions: readonly DefinitionVersion[], now: Date): Promise<SagaBacklog> {
    return this.#ask(() => readBacklog(this.#pool, definitions, now));
  }

  post(sagaId: string, message: SagaMessage): Promise<PostOutcome> {
    return this.#ask(() => postMessage(this.#pool, sagaId, message));
  }

  inbox(sagaId: string, seen: bigint): Promise<readonly InboxEntry[]> {
    return this.#ask(() => readInbox(this.#pool, sagaId, seen));
  }

  load(sagaId: string): Promise<StoredSaga | undefined> {
    return this.#ask(() => loadSaga(this.#pool, sagaId));
  }

  journal(
    sagaId: string,
    options: { readonly after?: bigint; readonly limit?: number } = {},
  ): Promise<readonly JournalEntry[]> {
    return this.#ask(() => readJournal(this.#pool, sagaId, options));
  }

  follow(
    sagaId: string,
    options: { readonly after: bigint; readonly signal: AbortSignal },
  ): AsyncIterable<JournalEntry> {
    this.#assertOpen();
    return followJournal(this.#pool, this.#signals, sagaId, options);
  }

  heartbeat(workerId: string, ttlMs: number): Promise<boolean> {
    return this.#ask(() => extendLease(this.#pool, workerId, ttlMs));
  }

  deregister(workerId: string): Promise<void> {
    return this.#ask(async () => {
      await endLease(this.#pool, workerId);
      await forgetWorkers(this.#pool);
    });
  }

  async listen(listener: WorkListener): Promise<() => Promise<void>> {
    return this.#ask(() => this.#signals.addWorker(listener));
  }

  /** Waits for commits that were asked for, then hangs up. The pool stays open: it is its owner's. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      await this.#writer.drained();
      await this.#notifier.drained();
      await this.#signals.close();
    })();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    try {
      return await work();
    } catch (error) {
      throw translatePostgresError(error, targetOfPool(this.#pool));
    }
  }

  #assertOpen(): void {
    if (this.#closed === undefined) return;
    throw new PotterError('CLOSED', {
      message: 'The saga store was closed.',
      remedy: 'Stop the saga engine before its store.',
    });
  }
}

/** What an async function does with what is thrown in it, without the promises it adds: there is one a commit. */
function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return work();
  } catch (error) {
    return Promise.reject(error);
  }
}
