import { jsonCodec } from '../../foundation/json.ts';
import { isPotterError } from '../../errors/potter-error.ts';
import { throwIfAborted } from '../../foundation/sleep.ts';
import { type BranchId, branchName, branchPrefix } from '../../sagas/two-phase-commit/branch-id.ts';
import type {
  BranchState,
  CallOptions,
  PreparedBranch,
  TwoPhaseParticipant,
} from '../../sagas/two-phase-commit/two-phase-participant.ts';
import type { PostgresPool, PostgresTransaction } from '../connection/client.ts';
import { translatePostgresError } from '../connection/errors.ts';
import { fence } from '../fences/fence.ts';
import { targetOfPool } from '../connection/pool-target.ts';
import { inTransaction } from '../connection/transaction.ts';
import {
  branchValue,
  committedBranch,
  lateBranch,
  lostBranch,
  readBranch,
} from './two-phase-branches.ts';

/** Options of {@link tryConfirmCancel}. Each of the three runs once for a branch, in a transaction of its own. */
export interface TryConfirmCancelOptions<Work, Tried, Result> {
  readonly name: string;
  readonly pool: PostgresPool;
  /**
   * Sets aside what the work needs, visibly and so that a confirm cannot fail: a hold on stock, a blocked amount. What
   * it answers is given to the other two. A Rejection is the vote "no".
   */
  readonly try: (transaction: PostgresTransaction, work: Work, branch: BranchId) => Promise<Tried>;
  /** Makes it final. What it answers is the answer to the commit. */
  readonly confirm: (
    transaction: PostgresTransaction,
    tried: Tried,
    branch: BranchId,
  ) => Promise<Result>;
  /** Gives back what was set aside. Not called when the try never happened. */
  readonly cancel: (
    transaction: PostgresTransaction,
    tried: Tried,
    branch: BranchId,
  ) => Promise<void>;
}

/**
 * A participant by try-confirm-cancel: three ordinary transactions instead of a prepared one, for work that others may
 * see half done. It holds no locks between them and needs nothing of the server; in return the domain has a word for
 * "set aside". Guarded by {@link fence} against copies, an early cancel and a late try. Needs the components `fences`
 * and `two-phase-participant`.
 */
export function tryConfirmCancel<Work, Tried, Result>(
  options: TryConfirmCancelOptions<Work, Tried, Result>,
): TwoPhaseParticipant<Work> {
  return new TryConfirmCancelParticipant(options);
}

class TryConfirmCancelParticipant<Work, Tried, Result> implements TwoPhaseParticipant<Work> {
  readonly name: string;
  readonly #options: TryConfirmCancelOptions<Work, Tried, Result>;

  constructor(options: TryConfirmCancelOptions<Work, Tried, Result>) {
    this.name = options.name;
    this.#options = options;
  }

  async prepare(branch: BranchId, work: Work, { signal }: CallOptions): Promise<void> {
    const name = branchName(branch, this.name);
    try {
      await this.#once(signal, `${name}/do`, async (tx) => {
        const tried = await this.#options.try(tx, work, branch);
        await tx.query({
          name: 'potter_two_phase_try',
          text: `INSERT INTO potter.two_phase_branches (branch, state, tried) VALUES ($1, 'prepared', $2)`,
          values: [name, jsonCodec.encode(tried ?? null)],
        });
      });
    } catch (error) {
      throw isPotterError(error, 'FENCED') ? lateBranch(name) : error;
    }
  }

  async commit(branch: BranchId, { signal }: CallOptions): Promise<unknown> {
    const name = branchName(branch, this.name);
    // No id of a transaction has a space in it, so this is the step of no other branch.
    return this.#once(signal, `${name} confirm/do`, async (tx) => {
      const row = await readBranch(tx, name);
      if (row === undefined || row.state === 'aborted') throw lostBranch(name);
      const tried = branchValue(row.tried) as Tried;
      const result = (await this.#options.confirm(tx, tried, branch)) ?? null;
      await note(tx, name, 'committed', jsonCodec.encode(result));
      return result;
    });
  }

  async abort(branch: BranchId, { signal }: CallOptions): Promise<void> {
    const name = branchName(branch, this.name);
    await this.#once(signal, `${name}/undo`, async (tx) => {
      const row = await readBranch(tx, name);
      if (row?.state === 'committed') throw committedBranch(name);
      await this.#options.cancel(tx, branchValue(row?.tried ?? null) as Tried, branch);
      await note(tx, name, 'aborted', null);
    });
  }

  async find(branch: BranchId, { signal }: CallOptions): Promise<BranchState> {
    const name = branchName(branch, this.name);
    return this.#ask(async () => {
      throwIfAborted(signal);
      const { pool } = this.#options;
      const { rows } = await pool.query<{ state: BranchState | null; undone: boolean }>({
        text: `
          SELECT b.state, f.undone_at IS NOT NULL AS undone
          FROM potter.fences f LEFT JOIN potter.two_phase_branches b ON b.branch = f.step WHERE f.step = $1`,
        values: [name],
      });
      const [row] = rows;
      return row === undefined ? 'unknown' : row.undone ? 'aborted' : (row.state ?? 'unknown');
    });
  }

  async prepared(coordinator: string, { signal }: CallOptions): Promise<readonly PreparedBranch[]> {
    const prefix = branchPrefix(coordinator, this.name);
    return this.#ask(async () => {
      throwIfAborted(signal);
      const { rows } = await this.#options.pool.query<{ branch: string; age_ms: number }>({
        text: `
          SELECT branch, extract(epoch FROM clock_timestamp() - at)::float8 * 1000 AS age_ms
          FROM potter.two_phase_branches WHERE state = 'prepared' AND starts_with(branch, $1)`,
        values: [prefix],
      });
      return rows.map((row) => ({
        transactionId: row.branch.slice(prefix.length),
        ageMs: row.age_ms,
      }));
    });
  }

  #once<T>(
    signal: AbortSignal,
    key: string,
    work: (tx: PostgresTransaction) => Promise<T>,
  ): Promise<T | undefined> {
    return inTransaction(this.#options.pool, (tx) => fence(tx, key, () => work(tx)), { signal });
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw translatePostgresError(error, targetOfPool(this.#options.pool));
    }
  }
}

async function note(
  tx: PostgresTransaction,
  branch: string,
  state: 'committed' | 'aborted',
  result: string | null,
): Promise<void> {
  await tx.query({
    name: 'potter_two_phase_note',
    text: `UPDATE potter.two_phase_branches SET state = $2, result = $3, at = clock_timestamp() WHERE branch = $1`,
    values: [branch, state, result],
  });
}
