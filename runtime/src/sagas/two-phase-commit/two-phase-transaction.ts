import type { ErrorDescription } from '../../errors/describe-error.ts';

/** What a transaction as a whole comes to. */
export type Decision = 'commit' | 'abort';

/**
 * Why a transaction was aborted:
 * - `refused`: a participant said no,
 * - `failed`: a participant did not answer, or not with a vote,
 * - `presumed`: who began it was not heard of again, and nothing was decided,
 * - `asked`: somebody asked for it.
 */
export interface AbortReason extends ErrorDescription {
  readonly because: 'refused' | 'failed' | 'presumed' | 'asked';
  /** Whose vote it was. */
  readonly participant: string | null;
}

/** What a participant answered when it was asked to prepare. */
export type Vote = 'prepared' | 'refused' | 'failed';

/** What became of a branch. `written-off`: an operator said that nobody need ask its participant any more. */
export type BranchOutcome = 'committed' | 'aborted' | 'written-off';

/** A branch as the log has it. */
export interface BranchRecord {
  readonly participant: string;
  readonly work: unknown;
  /** Null: not known to the log. Votes are written together with the decision that they lead to. */
  readonly vote: Vote | null;
  /** Null: its participant has not acknowledged the decision yet. */
  readonly outcome: BranchOutcome | null;
  /** What the commit answered. */
  readonly result: unknown;
  /** How often telling the decision failed. */
  readonly failures: number;
  /** The last of these failures. */
  readonly problem: ErrorDescription | null;
}

/** A transaction as the log has it. */
export interface TransactionRecord {
  readonly transactionId: string;
  /** Equal for the same branches and work; null when it was aborted before it was begun. */
  readonly fingerprint: string | null;
  readonly branches: readonly BranchRecord[];
  /** Null: undecided, which means abort if nobody decides otherwise. */
  readonly decision: Decision | null;
  readonly reason: AbortReason | null;
  readonly begunAt: Date;
  readonly decidedAt: Date | null;
  /** When the last participant had acknowledged the decision. Null: in doubt. */
  readonly settledAt: Date | null;
  /** Since it was begun, by the log's clock, in milliseconds. */
  readonly ageMs: number;
}

/** What came of a transaction for whoever asked for it. */
export type TwoPhaseOutcome =
  | {
      readonly outcome: 'committed';
      readonly transactionId: string;
      /** What each participant answered to the commit, by its name. */
      readonly results: Readonly<Record<string, unknown>>;
    }
  | {
      readonly outcome: 'aborted';
      readonly transactionId: string;
      readonly reason: AbortReason;
    };

/** Branches that have not acknowledged the decision. */
export function pendingBranches(record: TransactionRecord): readonly BranchRecord[] {
  return record.branches.filter(({ outcome }) => outcome === null);
}

/** What a decided transaction came to. */
export function outcomeOf(record: TransactionRecord): TwoPhaseOutcome {
  const { transactionId, decision, branches } = record;
  if (decision === 'commit') {
    const results = Object.fromEntries(
      branches.map(({ participant, result }) => [participant, result]),
    );
    return { outcome: 'committed', transactionId, results };
  }
  const reason = record.reason ?? {
    because: 'presumed',
    code: 'TWO_PHASE_ABORTED',
    message: 'It was not decided.',
    participant: null,
  };
  return { outcome: 'aborted', transactionId, reason };
}
