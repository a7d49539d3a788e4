import { jsonCodec } from '../../foundation/json.ts';
import type { ErrorDescription } from '../../errors/describe-error.ts';
import type {
  AbortReason,
  BranchOutcome,
  BranchRecord,
  Decision,
  TransactionRecord,
  Vote,
} from '../../sagas/two-phase-commit/two-phase-transaction.ts';

/** A branch as `json_agg` gives it. */
interface BranchRow {
  readonly participant: string;
  readonly work: string;
  readonly vote: Vote | null;
  readonly outcome: BranchOutcome | null;
  readonly result: string | null;
  readonly failures: number;
  readonly problem: string | null;
}

/** A transaction with its branches. */
export interface TransactionRow {
  readonly transaction_id: string;
  readonly fingerprint: string | null;
  readonly decision: Decision | null;
  readonly reason: string | null;
  readonly begun_at: Date;
  readonly decided_at: Date | null;
  readonly settled_at: Date | null;
  readonly age_ms: number;
  readonly branches: readonly BranchRow[];
}

/** Transactions of coordinator `$1`, as `t`; a condition or an order follows. */
export const SELECT_TRANSACTIONS = `
  SELECT t.transaction_id, t.fingerprint, t.decision, t.reason, t.begun_at, t.decided_at, t.settled_at,
    extract(epoch FROM clock_timestamp() - t.begun_at)::float8 * 1000 AS age_ms,
    coalesce((
      SELECT json_agg(json_build_object('participant', b.participant, 'work', b.work, 'vote', b.vote,
        'outcome', b.outcome, 'result', b.result, 'failures', b.failures, 'problem', b.problem) ORDER BY b.participant)
      FROM potter.two_phase_log_branches b
      WHERE b.coordinator = t.coordinator AND b.transaction_id = t.transaction_id
    ), '[]') AS branches
  FROM potter.two_phase_transactions t
  WHERE t.coordinator = $1`;

/** @returns what the row says, in the words of the port. */
export function transactionOf(row: TransactionRow): TransactionRecord {
  return {
    transactionId: row.transaction_id,
    fingerprint: row.fingerprint,
    branches: row.branches.map(branchOf),
    decision: row.decision,
    reason: row.reason === null ? null : (jsonCodec.decode(row.reason) as AbortReason),
    begunAt: row.begun_at,
    decidedAt: row.decided_at,
    settledAt: row.settled_at,
    ageMs: row.age_ms,
  };
}

function branchOf(row: BranchRow): BranchRecord {
  return {
    participant: row.participant,
    work: jsonCodec.decode(row.work),
    vote: row.vote,
    outcome: row.outcome,
    result: row.result === null ? null : jsonCodec.decode(row.result),
    failures: row.failures,
    problem: row.problem === null ? null : (jsonCodec.decode(row.problem) as ErrorDescription),
  };
}
