import type { ErrorDescription } from '../../errors/describe-error.ts';
import type {
  AbortReason,
  BranchOutcome,
  Decision,
  TransactionRecord,
  Vote,
} from './two-phase-transaction.ts';
import type { Branch } from './two-phase-participant.ts';

/** A transaction to begin. */
export interface BeginRequest {
  readonly transactionId: string;
  readonly fingerprint: string;
  readonly branches: readonly Branch[];
  /** When the sweep may take it for abandoned, from now. */
  readonly dueInMs: number;
}

/** A decision to take. */
export interface DecideRequest {
  readonly transactionId: string;
  readonly decision: Decision;
  /** Of an abort. */
  readonly reason: AbortReason | null;
  /** What is known of the votes; written with the decision or not at all. */
  readonly votes: Readonly<Record<string, Vote>>;
  /** When the sweep may help to carry it out, from now. */
  readonly dueInMs: number;
  /** Writes down an abort of a transaction that is not there yet, so that it cannot be begun any more. Default false. */
  readonly evenUnknown?: boolean;
}

/** Who acknowledged a decision, and who did not. */
export interface SettleRequest {
  readonly transactionId: string;
  readonly settled: readonly {
    readonly participant: string;
    readonly outcome: BranchOutcome;
    readonly result: unknown;
  }[];
  readonly failed: readonly { readonly participant: string; readonly problem: ErrorDescription }[];
  /** When to try again, from now. Of no meaning when nobody is left to be told. */
  readonly dueInMs: number;
}

/** Asks for transactions that are due. */
export interface DueRequest {
  readonly limit: number;
  /** For how long nobody else gets them. */
  readonly leaseMs: number;
  /** Participants that are not to be asked now. What waits for them alone is left where it is. */
  readonly resting: readonly string[];
}

/** Which transactions to list. */
export interface ListRequest {
  /** `in-doubt`: undecided, or not acknowledged by all. The others are over. Default: all. */
  readonly state?: 'in-doubt' | 'committed' | 'aborted' | undefined;
  /** Default 100. */
  readonly limit?: number | undefined;
  /** The id of the last one of the page before. */
  readonly after?: string | undefined;
}

/** What somebody did to a transaction by hand. */
export interface AuditEntry {
  readonly transactionId: string;
  readonly at: Date;
  readonly by: string;
  readonly reason: string;
  readonly decision: Decision;
  /** Participants that nobody will ask any more. */
  readonly writtenOff: readonly string[];
}

/** A decision by hand. */
export interface ResolveRequest {
  readonly transactionId: string;
  readonly decision: Decision;
  readonly by: string;
  readonly reason: string;
  readonly writeOff: readonly string[];
}

/**
 * The coordinator's memory. What a call wrote is durable when it returns. Times are the log's own: callers pass lengths,
 * so that processes whose clocks differ agree.
 */
export interface TwoPhaseLog {
  /** Names this log and no other: participants keep it with what they prepare. Always the same. */
  identity(): Promise<string>;

  /**
   * Writes down a transaction before anybody is asked. When it is there already, whatever its branches, that one is
   * given back, and counts as active again if it is undecided.
   */
  begin(request: BeginRequest): Promise<TransactionRecord>;

  /**
   * Takes a decision if none is taken: of several at once, the first one to be durable holds, and all are told that one.
   * @returns the transaction as it is then; undefined when there is none.
   */
  decide(request: DecideRequest): Promise<TransactionRecord | undefined>;

  /** Notes who acknowledged. Once nobody is left the transaction is over. Acknowledgements are never taken back. */
  settle(request: SettleRequest): Promise<TransactionRecord | undefined>;

  /** Hands out transactions whose time has come, longest due first, each to one caller at a time. */
  due(request: DueRequest): Promise<readonly TransactionRecord[]>;

  get(transactionId: string): Promise<TransactionRecord | undefined>;

  /** Newest first. */
  list(request: ListRequest): Promise<readonly TransactionRecord[]>;

  /** How many are in doubt, and for how long the oldest has been. */
  inDoubt(): Promise<{ readonly count: number; readonly oldestMs: number }>;

  /**
   * Decides by hand, and says in the same write who did and why; makes it due at once. A decision taken before holds,
   * and then, if it is another one, nothing is written.
   * @returns the transaction as it is then; undefined when there is none.
   */
  resolve(request: ResolveRequest): Promise<TransactionRecord | undefined>;

  /** What was done by hand, oldest first. */
  audit(transactionId: string): Promise<readonly AuditEntry[]>;
}
