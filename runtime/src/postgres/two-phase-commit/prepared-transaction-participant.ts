import { PotterError } from '../../errors/potter-error.ts';
import { type Duration, durationMs } from '../../foundation/duration.ts';
import { jsonCodec } from '../../foundation/json.ts';
import { throwIfAborted } from '../../foundation/sleep.ts';
import { type BranchId, branchName, branchPrefix } from '../../sagas/two-phase-commit/branch-id.ts';
import type {
  BranchState,
  CallOptions,
  PreparedBranch,
  TwoPhaseParticipant,
} from '../../sagas/two-phase-commit/two-phase-participant.ts';
import { exclusively } from './branch-lock.ts';
import type { PostgresClient, PostgresPool, PostgresTransaction } from '../connection/client.ts';
import { sqlStateOf, translatePostgresError } from '../connection/errors.ts';
import { Places } from './places.ts';
import { targetOfPool } from '../connection/pool-target.ts';
import { toBePrepared } from '../connection/to-be-prepared.ts';
import { wakeSubscriptions } from '../event-store/wake-subscriptions.ts';
import {
  branchValue,
  committedBranch,
  lateBranch,
  lostBranch,
  readBranch,
} from './two-phase-branches.ts';

/** Options of {@link preparedTransactionParticipant}. */
export interface PreparedTransactionParticipantOptions<Work, Result> {
  readonly name: string;
  /**
   * A pool for this alone, on the participant's database. Whoever waits for what is held prepared waits for a commit, and
   * that needs a connection: if others that wait for locks share the pool, they can all wait for each other. Always as
   * the same user, for a prepared transaction is ended by whoever prepared it.
   */
  readonly pool: PostgresPool;
  /**
   * Does the work in the transaction that will be prepared; what it answers is the answer to the commit. A Rejection is
   * the vote "no". It may lock and write as any transaction; LISTEN, NOTIFY, temporary tables, cursors WITH HOLD and
   * session locks are what PostgreSQL cannot prepare. Appends to an event store of the same database may take part:
   * their NOTIFY follows the commit. `read committed`.
   */
  readonly work: (
    transaction: PostgresTransaction,
    work: Work,
    branch: BranchId,
  ) => Promise<Result>;
  /**
   * How long a statement, a wait for a lock, or a pause between statements may take while the work is done; the server
   * ends it then, also when this process no longer lives. Default 10 s.
   */
  readonly prepareTimeout?: Duration;
  /**
   * Prepares at once. Default 5. One that waits for what another transaction holds prepared keeps a connection while it
   * does; there must be one left for the commit that it waits for, so stay below `maxConnections` of the pool.
   */
  readonly maxPreparing?: number;
}

/** "No such prepared transaction", and what the server says when there can be none. */
const UNDEFINED_OBJECT = '42704';
const NOT_IN_PREREQUISITE_STATE = '55000';

/**
 * A PostgreSQL database as a participant, by `PREPARE TRANSACTION`. It needs the component `two-phase-participant` in
 * that database, and a server with `max_prepared_transactions` above 0. The work survives a crash of the server in
 * prepared form, holding its locks, until its coordinator says what becomes of it. Not through a pooler that hands out
 * connections per transaction.
 */
export function preparedTransactionParticipant<Work, Result>(
  options: PreparedTransactionParticipantOptions<Work, Result>,
): TwoPhaseParticipant<Work> {
  return new PreparedTransactionParticipant(options);
}

class PreparedTransactionParticipant<Work, Result> implements TwoPhaseParticipant<Work> {
  readonly name: string;
  readonly #pool: PostgresPool;
  readonly #work: PreparedTransactionParticipantOptions<Work, Result>['work'];
  readonly #timeoutMs: number;
  readonly #places: Places;

  constructor(options: PreparedTransactionParticipantOptions<Work, Result>) {
    this.name = options.name;
    this.#pool = options.pool;
    this.#work = options.work;
    this.#timeoutMs = durationMs(options.prepareTimeout ?? '10s');
    this.#places = new Places(options.maxPreparing ?? 5);
  }

  async prepare(branch: BranchId, work: Work, { signal }: CallOptions): Promise<void> {
    const name = branchName(branch, this.name);
    return this.#ask(() =>
      this.#exclusively(name, signal, async (client) => {
        throwIfAborted(signal);
        const known = await readBranch(client, name);
        if (known?.state === 'aborted') throw lateBranch(name);
        if (known !== undefined || (await this.#isPrepared(client, name))) return 'commit';
        const result = await toBePrepared(client, () => this.#work(client, work, branch));
        await client.query({
          name: 'potter_two_phase_prepare',
          text: `INSERT INTO potter.two_phase_branches (branch, state, result) VALUES ($1, 'committed', $2)`,
          values: [name, jsonCodec.encode(result ?? null)],
        });
        throwIfAborted(signal);
        return 'prepare';
      }),
    );
  }

  async commit(branch: BranchId, { signal }: CallOptions): Promise<unknown> {
    const name = branchName(branch, this.name);
    return this.#ask(async () => {
      throwIfAborted(signal);
      await this.#end('COMMIT PREPARED', name);
      // The row is visible before the identifier is free, so whoever finds neither knows that there was nothing.
      const row = await readBranch(this.#pool, name);
      if (row?.state !== 'committed') throw lostBranch(name);
      // The work may have appended events, and was not allowed to say so.
      await wakeSubscriptions(this.#pool);
      return branchValue(row.result);
    });
  }

  async abort(branch: BranchId, { signal }: CallOptions): Promise<void> {
    const name = branchName(branch, this.name);
    return this.#ask(async () => {
      while (!(await this.#close(name, signal)));
      const row = await readBranch(this.#pool, name);
      if (row?.state === 'committed') throw committedBranch(name);
    });
  }

  async find(branch: BranchId, { signal }: CallOptions): Promise<BranchState> {
    const name = branchName(branch, this.name);
    return this.#ask(async () => {
      throwIfAborted(signal);
      if (await this.#isPrepared(this.#pool, name)) return 'prepared';
      return (await readBranch(this.#pool, name))?.state ?? 'unknown';
    });
  }

  async prepared(coordinator: string, { signal }: CallOptions): Promise<readonly PreparedBranch[]> {
    const prefix = branchPrefix(coordinator, this.name);
    return this.#ask(async () => {
      throwIfAborted(signal);
      const { rows } = await this.#pool.query<{ gid: string; age_ms: number }>({
        text: `
          SELECT gid, extract(epoch FROM clock_timestamp() - prepared)::float8 * 1000 AS age_ms
          FROM pg_prepared_xacts WHERE database = current_database() AND starts_with(gid, $1)`,
        values: [prefix],
      });
      return rows.map(({ gid, age_ms: ageMs }) => ({
        transactionId: gid.slice(prefix.length),
        ageMs,
      }));
    });
  }

  /**
   * Takes back what is prepared, then shuts the door. A prepare that is under way is waited for at the door.
   * @returns false when it left something prepared, which then has to be taken back first.
   */
  async #close(name: string, signal: AbortSignal): Promise<boolean> {
    throwIfAborted(signal);
    // Not with the lock in hand: it needs a connection without a transaction, and two a call could use up a pool.
    await this.#end('ROLLBACK PREPARED', name);
    let closed = true;
    await this.#exclusively(name, signal, async (client) => {
      closed = !(await this.#isPrepared(client, name));
      if (closed) {
        await client.query({
          name: 'potter_two_phase_abort',
          text: `
            INSERT INTO potter.two_phase_branches (branch, state) VALUES ($1, 'aborted')
            ON CONFLICT (branch) DO NOTHING`,
          values: [name],
        });
      }
      return 'commit';
    });
    return closed;
  }

  #exclusively(
    name: string,
    signal: AbortSignal,
    work: (transaction: PostgresTransaction) => Promise<'prepare' | 'commit'>,
  ): Promise<void> {
    return this.#places.within(signal, () => exclusively(this.#pool, name, this.#timeoutMs, work));
  }

  async #isPrepared(client: PostgresClient, name: string): Promise<boolean> {
    const { rows } = await client.query({
      name: 'potter_two_phase_is_prepared',
      text: 'SELECT FROM pg_prepared_xacts WHERE gid = $1 AND database = current_database()',
      values: [name],
    });
    return rows.length > 0;
  }

  /** Both statements run outside of any transaction, on a connection of their own. */
  async #end(statement: 'COMMIT PREPARED' | 'ROLLBACK PREPARED', name: string): Promise<void> {
    try {
      // The identifier is a literal, not a parameter; branchName lets no quote through.
      await this.#pool.query({ text: `${statement} '${name}'` });
    } catch (error) {
      // Not there: it was ended before, or never prepared. The row tells which.
      if (sqlStateOf(error) !== UNDEFINED_OBJECT) throw error;
    }
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (sqlStateOf(error) === NOT_IN_PREREQUISITE_STATE && (await this.#isDisabled())) {
        throw new PotterError('PREPARED_TRANSACTIONS_DISABLED', {
          message: `The server of participant '${this.name}' has max_prepared_transactions = 0.`,
          remedy:
            'Start it with -c max_prepared_transactions=100, or say ALTER SYSTEM SET max_prepared_transactions = 100, and restart it.',
          details: { participant: this.name },
          cause: error,
        });
      }
      throw translatePostgresError(error, targetOfPool(this.#pool));
    }
  }

  async #isDisabled(): Promise<boolean> {
    const { rows } = await this.#pool.query<{ most: string }>({
      text: `SELECT current_setting('max_prepared_transactions') AS most`,
    });
    return rows[0]?.most === '0';
  }
}
