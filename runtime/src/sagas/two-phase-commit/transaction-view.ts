import type { CoordinatorContext } from './coordinator-context.ts';
import type { BranchState } from './two-phase-participant.ts';
import type { BranchRecord, TransactionRecord } from './two-phase-transaction.ts';

/** Where a participant of a transaction stands. */
export type ParticipantState = BranchState | 'written-off' | 'unreachable';

/** A branch, and where its participant stands. */
export interface BranchView extends BranchRecord {
  readonly state: ParticipantState;
}

/** A transaction, and where its participants stand. */
export interface TransactionView extends TransactionRecord {
  readonly branches: readonly BranchView[];
}

/** Asks whoever has not acknowledged the decision. */
export async function viewOf(
  context: CoordinatorContext,
  record: TransactionRecord,
  signal: AbortSignal | undefined,
): Promise<TransactionView> {
  const branches = await Promise.all(
    record.branches.map(async (branch) => {
      const { participant, outcome } = branch;
      const state = outcome ?? (await ask(context, record.transactionId, participant, signal));
      return { ...branch, state };
    }),
  );
  return { ...record, branches };
}

async function ask(
  context: CoordinatorContext,
  transactionId: string,
  participant: string,
  signal: AbortSignal | undefined,
): Promise<ParticipantState> {
  // One that failed just now would keep whoever looks waiting for a timeout.
  if (context.rest.restMs(participant) > 0) return 'unreachable';
  const id = await context.branchId(transactionId);
  try {
    return await context.call(participant, 'find', signal, (one, options) => one.find(id, options));
  } catch (error) {
    if (signal?.aborted) throw error;
    context.options.logger.debug('a participant could not be asked', { participant, error });
    return 'unreachable';
  }
}
