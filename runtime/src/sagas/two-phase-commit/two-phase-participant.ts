import type { BranchId } from './branch-id.ts';

/** What a participant knows of its branch of a transaction; `unknown`: it never heard of it, or has forgotten it. */
export type BranchState = 'prepared' | 'committed' | 'aborted' | 'unknown';

/** A branch that a participant holds prepared, and waits to be told about. */
export interface PreparedBranch {
  readonly transactionId: string;
  /** How long it has been prepared, by the participant's own clock, in milliseconds. */
  readonly ageMs: number;
}

/** Of every call of a participant. */
export interface CallOptions {
  /** Fires when the coordinator stops waiting. The call may then be left half done: it will be made again, or undone. */
  readonly signal: AbortSignal;
}

/**
 * Something that can take part in a transaction across systems. All calls may come twice, late, in any order, and
 * from several processes at once; what they are about is told by the transaction's id, never by the order of calls.
 */
export interface TwoPhaseParticipant<Work = unknown> {
  /** Unique among the participants of a coordinator, and the same for ever: the log and prepared branches have it. */
  readonly name: string;

  /**
   * Does the work so far that nothing can stand in the way of a commit any more, not even a crash, and so that it can
   * still be taken back. Returning is the vote "yes". Prepared or committed already: returns, and does nothing.
   * @throws Rejection the vote "no", final.
   * @throws PotterError `FENCED` when the branch was aborted before: a late call must not leave anything behind.
   * @throws anything else: no vote. It may be asked again, and if it never answers, the whole transaction is aborted.
   */
  prepare(branch: BranchId, work: Work, options: CallOptions): Promise<void>;

  /**
   * Makes the prepared work final. Committed already: the same answer again.
   * @returns what the work had to tell, for whoever asked for the transaction. JSON.
   * @throws PotterError `TWO_PHASE_BRANCH_LOST` when it was never prepared, or was taken back behind our back.
   */
  commit(branch: BranchId, options: CallOptions): Promise<unknown>;

  /**
   * Takes the work back, or makes sure that it never happens: whatever arrives for this branch from now on is refused.
   * @throws PotterError `TWO_PHASE_ALREADY_DECIDED` when the branch is committed.
   */
  abort(branch: BranchId, options: CallOptions): Promise<void>;

  /** What it knows of a branch. */
  find(branch: BranchId, options: CallOptions): Promise<BranchState>;

  /** All that it holds prepared for a coordinator, so that what nobody remembers can be taken back. */
  prepared(coordinator: string, options: CallOptions): Promise<readonly PreparedBranch[]>;
}

/** What one participant is asked to do in a transaction. */
export interface Branch {
  readonly participant: string;
  /** Kept in the log as JSON. */
  readonly work: unknown;
}

/** A branch whose work has the type that its participant takes. */
export function branch<Work>(participant: TwoPhaseParticipant<Work>, work: Work): Branch {
  return { participant: participant.name, work };
}
