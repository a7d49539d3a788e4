import { newId } from '../../foundation/ids.ts';
import { assertTwoPhaseName } from '../../sagas/two-phase-commit/branch-id.ts';
import type {
  AuditEntry,
  BeginRequest,
  DecideRequest,
  DueRequest,
  ListRequest,
  ResolveRequest,
  SettleRequest,
  TwoPhaseLog,
} from '../../sagas/two-phase-commit/two-phase-log.ts';
import type {
  Decision,
  TransactionRecord,
} from '../../sagas/two-phase-commit/two-phase-transaction.ts';
import { PotterError } from '../../errors/potter-error.ts';
import type { PostgresPool } from '../connection/client.ts';
import { translatePostgresError } from '../connection/errors.ts';
import { targetOfPool } from '../connection/pool-target.ts';
import { SELECT_TRANSACTIONS, transactionOf, type TransactionRow } from './two-phase-log-rows.ts';
import {
  claimDue,
  writeBegin,
  writeDecision,
  writeResolution,
  writeSettlement,
  writeUnbegunAbort,
} from './two-phase-log-write.ts';

/** Options of {@link PostgresTwoPhaseLog}. */
export interface PostgresTwoPhaseLogOptions {
  /** Its owner closes it. */
  readonly pool: PostgresPool;
  /**
   * The name of the coordinator, when one database has several that know different participants. Default `default`.
   * Processes of one name share the work.
   */
  readonly coordinator?: string;
}

/** A coordinator's log in PostgreSQL, in the tables of the component `two-phase-commit`. */
export class PostgresTwoPhaseLog implements TwoPhaseLog {
  readonly #pool: PostgresPool;
  readonly #name: string;
  #identity: string | undefined;

  constructor(options: PostgresTwoPhaseLogOptions) {
    this.#pool = options.pool;
    this.#name = options.coordinator ?? 'default';
    assertTwoPhaseName('coordinator', this.#name);
  }

  async identity(): Promise<string> {
    this.#identity ??= await this.#ask(async () => {
      // The last part of the id is its random one.
      const proposed = `${this.#name}.${newId().slice(-12)}`;
      const { rows } = await this.#pool.query<{ identity: string }>({
        text: `
          INSERT INTO potter.two_phase_coordinators AS c (name, identity) VALUES ($1, $2)
          ON CONFLICT (name) DO UPDATE SET name = c.name RETURNING identity`,
        values: [this.#name, proposed],
      });
      return rows[0]?.identity ?? proposed;
    });
    return this.#identity;
  }

  begin(request: BeginRequest): Promise<TransactionRecord> {
    return this.#ask(async () => {
      await writeBegin(this.#pool, this.#name, request);
      const begun = await this.#read(request.transactionId);
      if (begun !== undefined) return begun;
      throw new PotterError('TWO_PHASE_TRANSACTION_NOT_FOUND', {
        message: `The transaction '${request.transactionId}' was deleted while it was begun.`,
        remedy: 'Delete only transactions that are over.',
      });
    });
  }

  decide(request: DecideRequest): Promise<TransactionRecord | undefined> {
    return this.#ask(async () => {
      for (;;) {
        await writeDecision(this.#pool, this.#name, request);
        const record = await this.#read(request.transactionId);
        if (record !== undefined && record.decision !== null) return record;
        if (record === undefined) {
          if (request.evenUnknown !== true) return undefined;
          await writeUnbegunAbort(this.#pool, this.#name, request);
        }
        // Somebody began it in between: then it is decided like any other.
      }
    });
  }

  settle(request: SettleRequest): Promise<TransactionRecord | undefined> {
    return this.#ask(async () => {
      await writeSettlement(this.#pool, this.#name, request);
      return this.#read(request.transactionId);
    });
  }

  due(request: DueRequest): Promise<readonly TransactionRecord[]> {
    return this.#ask(async () => {
      const ids = await claimDue(this.#pool, this.#name, request);
      if (ids.length === 0) return [];
      return this.#select('AND t.transaction_id = ANY ($2::text[]) ORDER BY t.begun_at', [ids]);
    });
  }

  get(transactionId: string): Promise<TransactionRecord | undefined> {
    return this.#ask(() => this.#read(transactionId));
  }

  list({ state, limit = 100, after }: ListRequest): Promise<readonly TransactionRecord[]> {
    const page = `
      AND ($3::text IS NULL OR (t.begun_at, t.transaction_id) < (
        SELECT a.begun_at, a.transaction_id FROM potter.two_phase_transactions a
        WHERE a.coordinator = $1 AND a.transaction_id = $3))
      ORDER BY t.begun_at DESC, t.transaction_id DESC LIMIT $2`;
    return this.#ask(() => this.#select(`${conditionOf(state)} ${page}`, [limit, after ?? null]));
  }

  inDoubt(): Promise<{ readonly count: number; readonly oldestMs: number }> {
    return this.#ask(async () => {
      const { rows } = await this.#pool.query<{ count: number; oldest_ms: number }>({
        text: `
          SELECT count(*)::integer AS count,
            coalesce(extract(epoch FROM clock_timestamp() - min(begun_at))::float8 * 1000, 0) AS oldest_ms
          FROM potter.two_phase_transactions WHERE coordinator = $1 AND due_at IS NOT NULL`,
        values: [this.#name],
      });
      return { count: rows[0]?.count ?? 0, oldestMs: rows[0]?.oldest_ms ?? 0 };
    });
  }

  resolve(request: ResolveRequest): Promise<TransactionRecord | undefined> {
    return this.#ask(async () => {
      await writeResolution(this.#pool, this.#name, request);
      return this.#read(request.transactionId);
    });
  }

  audit(transactionId: string): Promise<readonly AuditEntry[]> {
    return this.#ask(async () => {
      const { rows } = await this.#pool.query<{
        at: Date;
        by: string;
        reason: string;
        decision: Decision;
        written_off: readonly string[];
      }>({
        text: `
          SELECT at, by, reason, decision, written_off FROM potter.two_phase_audit
          WHERE coordinator = $1 AND transaction_id = $2 ORDER BY no`,
        values: [this.#name, transactionId],
      });
      return rows.map(({ written_off: writtenOff, ...rest }) => ({
        transactionId,
        ...rest,
        writtenOff,
      }));
    });
  }

  async #read(transactionId: string): Promise<TransactionRecord | undefined> {
    const [record] = await this.#select('AND t.transaction_id = $2', [transactionId]);
    return record;
  }

  async #select(
    condition: string,
    values: readonly unknown[],
  ): Promise<readonly TransactionRecord[]> {
    const { rows } = await this.#pool.query<TransactionRow>({
      text: `${SELECT_TRANSACTIONS} ${condition}`,
      values: [this.#name, ...values],
    });
    return rows.map(transactionOf);
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw translatePostgresError(error, targetOfPool(this.#pool));
    }
  }
}

function conditionOf(state: ListRequest['state']): string {
  switch (state) {
    case undefined:
      return '';
    case 'in-doubt':
      return 'AND t.due_at IS NOT NULL';
    case 'committed':
      return `AND t.settled_at IS NOT NULL AND t.decision = 'commit'`;
    case 'aborted':
      return `AND t.settled_at IS NOT NULL AND t.decision = 'abort'`;
  }
}
