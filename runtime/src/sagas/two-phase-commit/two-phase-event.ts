import type { AbortReason, Decision } from './two-phase-transaction.ts';

/** What a coordinator did, for whoever wants to be told as it happens. The log has all of it, and it alone is durable. */
export type TwoPhaseEvent =
  | {
      readonly type: 'TransactionDecided';
      readonly at: Date;
      readonly transactionId: string;
      readonly decision: Decision;
      readonly reason: AbortReason | null;
    }
  | {
      readonly type: 'TransactionSettled';
      readonly at: Date;
      readonly transactionId: string;
      readonly decision: Decision;
    }
  | {
      /** By hand. */
      readonly type: 'TransactionResolved';
      readonly at: Date;
      readonly transactionId: string;
      readonly decision: Decision;
      readonly by: string;
      readonly reason: string;
      readonly writtenOff: readonly string[];
    }
  | {
      /** A prepared branch of which the log knows nothing, or that it is over, was told the decision. */
      readonly type: 'OrphanSettled';
      readonly at: Date;
      readonly transactionId: string;
      readonly participant: string;
      readonly decision: Decision;
    };

/** Told of each event, in this process, as it happens. What it throws is logged and changes nothing. */
export type TwoPhaseListener = (event: TwoPhaseEvent) => void;
