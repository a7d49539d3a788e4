import type { CoordinatorContext } from './coordinator-context.ts';
import type { AbortReason, Decision, TransactionRecord, Vote } from './two-phase-transaction.ts';

/** As long as a round of calls may take, so that nobody else begins one meanwhile. */
export function leaseMs({ options }: CoordinatorContext): number {
  return options.callTimeoutMs * 2;
}

/**
 * Decides if nobody has. Of several that decide at once, in whichever processes, the first write holds for all of them.
 */
export async function decide(
  context: CoordinatorContext,
  record: TransactionRecord,
  decision: Decision,
  reason: AbortReason | null,
  votes: Readonly<Record<string, Vote>> = {},
): Promise<TransactionRecord | undefined> {
  if (record.decision !== null) return record;
  const { transactionId } = record;
  const decided = await context.log.decide({
    transactionId,
    decision,
    reason,
    votes,
    dueInMs: leaseMs(context),
  });
  if (decided?.decision === decision) {
    context.metrics.decided(decision);
    const at = context.options.clock.now();
    context.emit({ type: 'TransactionDecided', at, transactionId, decision, reason });
  }
  return decided;
}
