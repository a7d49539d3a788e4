import { PotterError } from '../../../errors/potter-error.ts';
import type { CommitOutcome } from '../../../sagas/saga-store.ts';
import type { PostgresClient, PostgresPool } from '../../connection/client.ts';
import type { CommitNotifier } from '../../connection/commit-notifier.ts';
import { translatePostgresError } from '../../connection/errors.ts';
import { isConnectionLoss } from '../../connection/connection-loss.ts';
import { KeptConnections } from '../../connection/kept-connections.ts';
import {
  GroupCommit,
  type GroupCommitOptions,
  type Unfinished,
} from '../../connection/group-commit.ts';
import { targetOfPool } from '../../connection/pool-target.ts';
import { OtherWriters } from './other-writers.ts';
import { isQueued, runQueuedWrites } from './queued-writes.ts';
import {
  type CommitWrite,
  type CreateOutcome,
  type CreateWrite,
  sagaIdOf,
  type SagaWrite,
  type WriteOutcome,
} from './write.ts';
import { runWrites, type WrittenGroup } from './write-run.ts';

/** A write that waits for its group. */
interface Waiting {
  readonly key: string;
  readonly size: number;
  readonly shareable: boolean;
  readonly write: SagaWrite;
  readonly settle: (outcome: WriteOutcome) => void;
}

/**
 * Lets the writes of independent sagas share a statement and with it one flush of the log, which is what a commit
 * mostly waits for. Each gets its own answer: a refusal, or a value the database cannot store, is nobody else's.
 */
export class SagaWriter {
  readonly #pool: PostgresPool;
  readonly #connections: KeptConnections;
  readonly #notifier: CommitNotifier;
  readonly #groups: GroupCommit<Waiting>;
  /** Writes about queues may have to wait for a caller's transaction: on lanes of their own, so that no others wait too. */
  readonly #queuedGroups: GroupCommit<Waiting>;
  /** Transactions whose writes somebody wants to hear of, once there is something to see. */
  readonly #toTell = new WeakSet<PostgresClient>();
  readonly #others = new OtherWriters();
  #workers = 1;
  #pending = 0;
  #whenDrained: (() => void) | undefined;
  #written = 0;

  /** @param notifier wakes whoever reads the journals of all sagas */
  constructor(pool: PostgresPool, notifier: CommitNotifier, options: GroupCommitOptions) {
    this.#pool = pool;
    this.#connections = new KeptConnections(pool);
    this.#notifier = notifier;
    this.#groups = new GroupCommit((group) => this.#flush(group), options);
    this.#queuedGroups = new GroupCommit((group) => this.#flush(group), options);
  }

  commit(write: CommitWrite, transaction?: PostgresClient): Promise<CommitOutcome> {
    return new Promise((resolve, reject) => {
      this.#run(write, transaction, (outcome) => {
        if (outcome.kind === 'commit') resolve(outcome.outcome);
        else reject(outcome.kind === 'error' ? outcome.error : mismatch());
      });
    });
  }

  create(write: CreateWrite, transaction?: PostgresClient): Promise<CreateOutcome> {
    return new Promise((resolve, reject) => {
      this.#run(write, transaction, (outcome) => {
        if (outcome.kind === 'create') resolve(outcome.outcome);
        else reject(outcome.kind === 'error' ? outcome.error : mismatch());
      });
    });
  }

  /** So many processes have workers on this database, this one included; whether they write is seen here. */
  workers(count: number): void {
    this.#workers = count;
    this.#groups.writers(this.#others.areWriting ? count : 1);
  }

  /** A transaction in which there may have been writes is committed. */
  committed(transaction: PostgresClient): void {
    if (this.#toTell.delete(transaction)) this.#notifier.notify();
  }

  /** Resolves when every write that was asked for is answered. */
  async drained(): Promise<void> {
    if (this.#pending > 0) await new Promise<void>((resolve) => (this.#whenDrained = resolve));
  }

  /** Answers by a call: a promise more for each write would be noticed. */
  #run(
    write: SagaWrite,
    transaction: PostgresClient | undefined,
    settle: (outcome: WriteOutcome) => void,
  ): void {
    if (transaction !== undefined) {
      void this.#alone(write, transaction, write.kind === 'commit').then(settle);
      return;
    }
    this.#pending += 1;
    const settled = (outcome: WriteOutcome): void => {
      this.#pending -= 1;
      settle(outcome);
      if (this.#pending === 0) this.#whenDrained?.();
    };
    const groups = isQueued(write) ? this.#queuedGroups : this.#groups;
    groups.add({
      key: sagaIdOf(write),
      size: 1,
      shareable: false,
      write,
      settle: settled,
    });
  }

  /** Never rejects: an error is an outcome. */
  async #alone(write: SagaWrite, client: PostgresClient, isLast = false): Promise<WriteOutcome> {
    try {
      const { outcomes, watched } = await this.#write(client, [write], isLast);
      if (watched && client === this.#pool) this.#notifier.notify();
      else if (watched) this.#toTell.add(client);
      return outcomes[0] ?? failed(mismatch());
    } catch (error) {
      return failed(translatePostgresError(error, targetOfPool(this.#pool)));
    }
  }

  async #flush(group: readonly Waiting[]): Promise<readonly Unfinished[]> {
    const writes = group.map(({ write }) => write);
    try {
      const { outcomes, watched, transaction } = await this.#write(this.#pool, writes);
      this.#others.wrote(transaction);
      this.workers(this.#workers);
      if (watched) this.#notifier.notify();
      group.forEach(({ settle }, index) => settle(outcomes[index] ?? failed(mismatch())));
    } catch (error) {
      await this.#settleFailed(group, error);
    }
    return [];
  }

  /** All of them are about queues, or none is. */
  #write(
    client: PostgresClient,
    writes: readonly SagaWrite[],
    isLast = false,
  ): Promise<WrittenGroup> {
    const planAge = this.#planAge(writes.length);
    if (writes.some(isQueued)) {
      return runQueuedWrites(client, this.#pool, writes, planAge, isLast);
    }
    const way = client === this.#pool ? this.#connections : client;
    return runWrites(way, writes, planAge, isLast);
  }

  /** One write can spoil the statement for all, by a value the database refuses for instance: then each runs alone. */
  async #settleFailed(group: readonly Waiting[], error: unknown): Promise<void> {
    const failure = translatePostgresError(error, targetOfPool(this.#pool));
    for (const { write, settle } of group) {
      if (group.length === 1 || isConnectionLoss(error)) settle(failed(failure));
      else settle(await this.#alone(write, this.#pool));
    }
  }

  /** 0 to 7: a new plan each time the table may have grown tenfold; then statistics take care of it. */
  #planAge(writes: number): number {
    this.#written = Math.min(this.#written + writes, 9_999_999);
    return Math.floor(Math.log10(this.#written));
  }
}

function failed(error: unknown): WriteOutcome {
  return { kind: 'error', error };
}

function mismatch(): PotterError {
  return new PotterError('DATABASE_ERROR', {
    message: 'The saga statement answered something it was not asked.',
    remedy: 'Check that the migrations of this version are applied: npm run migrate -- status.',
  });
}
