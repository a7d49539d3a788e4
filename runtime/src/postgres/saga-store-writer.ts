import { PotterError } from '../errors/potter-error.ts';
import type { CommitOutcome } from '../sagas/saga-store.ts';
import type { PostgresClient, PostgresPool } from './client.ts';
import type { CommitNotifier } from './commit-notifier.ts';
import { translatePostgresError } from './errors.ts';
import { isConnectionLoss } from './connection-loss.ts';
import { GroupCommit, type GroupCommitOptions, type Unfinished } from './group-commit.ts';
import { targetOfPool } from './pool-target.ts';
import {
  type CommitWrite,
  type CreateOutcome,
  type CreateWrite,
  runWrites,
  sagaIdOf,
  type SagaWrite,
  type WriteOutcome,
} from './saga-store-write.ts';

/** A write that waits for its group. */
interface Waiting {
  readonly key: string;
  readonly size: number;
  readonly shareable: boolean;
  readonly write: SagaWrite;
  readonly resolve: (outcome: WriteOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets the writes of independent sagas share a statement and with it one flush of the log, which is what a commit
 * mostly waits for. Each gets its own answer: a refusal, or a value the database cannot store, is nobody else's.
 */
export class SagaWriter {
  readonly #pool: PostgresPool;
  readonly #notifier: CommitNotifier;
  readonly #groups: GroupCommit<Waiting>;
  readonly #pending = new Set<Promise<unknown>>();
  /** Transactions whose writes somebody wants to hear of, once there is something to see. */
  readonly #toTell = new WeakSet<PostgresClient>();
  #written = 0;

  /** @param notifier wakes whoever reads the journals of all sagas */
  constructor(pool: PostgresPool, notifier: CommitNotifier, options: GroupCommitOptions) {
    this.#pool = pool;
    this.#notifier = notifier;
    this.#groups = new GroupCommit((group) => this.#flush(group), options);
  }

  async commit(write: CommitWrite, transaction?: PostgresClient): Promise<CommitOutcome> {
    const outcome = await this.#run(write, transaction);
    if (outcome.kind === 'commit') return outcome.outcome;
    throw outcome.kind === 'error' ? outcome.error : mismatch();
  }

  async create(write: CreateWrite, transaction?: PostgresClient): Promise<CreateOutcome> {
    const outcome = await this.#run(write, transaction);
    if (outcome.kind === 'create') return outcome.outcome;
    throw outcome.kind === 'error' ? outcome.error : mismatch();
  }

  /** A transaction in which there may have been writes is committed. */
  committed(transaction: PostgresClient): void {
    if (this.#toTell.delete(transaction)) this.#notifier.notify();
  }

  /** Resolves when every write that was asked for is answered. */
  async drained(): Promise<void> {
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
  }

  async #run(write: SagaWrite, transaction: PostgresClient | undefined): Promise<WriteOutcome> {
    if (transaction !== undefined) return this.#alone(write, transaction, write.kind === 'commit');
    const outcome = new Promise<WriteOutcome>((resolve, reject) => {
      this.#groups.add({ key: sagaIdOf(write), size: 1, shareable: false, write, resolve, reject });
    });
    this.#pending.add(outcome);
    return outcome.finally(() => this.#pending.delete(outcome));
  }

  async #alone(write: SagaWrite, client: PostgresClient, isLast = false): Promise<WriteOutcome> {
    try {
      const { outcomes, watched } = await runWrites(client, [write], this.#planAge(1), isLast);
      if (watched && client === this.#pool) this.#notifier.notify();
      else if (watched) this.#toTell.add(client);
      return outcomes[0] ?? { kind: 'error', error: mismatch() };
    } catch (error) {
      throw translatePostgresError(error, targetOfPool(this.#pool));
    }
  }

  async #flush(group: readonly Waiting[]): Promise<readonly Unfinished[]> {
    try {
      const writes = group.map(({ write }) => write);
      const { outcomes, watched } = await runWrites(
        this.#pool,
        writes,
        this.#planAge(writes.length),
      );
      if (watched) this.#notifier.notify();
      group.forEach(({ resolve }, index) => {
        resolve(outcomes[index] ?? { kind: 'error', error: mismatch() });
      });
    } catch (error) {
      await this.#settleFailed(group, error);
    }
    return [];
  }

  /** One write can spoil the statement for all, by a value the database refuses for instance: then each runs alone. */
  async #settleFailed(group: readonly Waiting[], error: unknown): Promise<void> {
    const failure = translatePostgresError(error, targetOfPool(this.#pool));
    for (const { write, resolve, reject } of group) {
      if (group.length === 1 || isConnectionLoss(error)) reject(failure);
      else await this.#alone(write, this.#pool).then(resolve, reject);
    }
  }

  /** 0 to 7: a new plan each time the table may have grown tenfold; then statistics take care of it. */
  #planAge(writes: number): number {
    this.#written = Math.min(this.#written + writes, 9_999_999);
    return Math.floor(Math.log10(this.#written));
  }
}

function mismatch(): PotterError {
  return new PotterError('DATABASE_ERROR', {
    message: 'The saga statement answered something it was not asked.',
    remedy: 'Check that the migrations of this version are applied: npm run migrate -- status.',
  });
}
