import { PotterError } from '../../errors/potter-error.ts';
import type { CoordinatorContext } from './coordinator-context.ts';
import { viewOf } from './transaction-view.ts';
import type { Decision, TransactionRecord } from './two-phase-transaction.ts';

/** Who resolves a transaction by hand, and why. */
export interface ResolveOptions {
  /** A person or a tool, as the audit is to show it. */
  readonly by: string;
  readonly reason: string;
  /**
   * Participants that will never answer again, and that nobody is to wait for. Whoever names one vouches for its part.
   * Default: none.
   */
  readonly writeOff?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Decides by hand what nobody has decided, or repeats the decision there is; never contradicts one. */
export async function resolveByHand(
  context: CoordinatorContext,
  known: TransactionRecord,
  decision: Decision,
  options: ResolveOptions,
  signal: AbortSignal,
): Promise<TransactionRecord> {
  const { transactionId } = known;
  const { by, reason, writeOff = [] } = options;
  if (by.trim() === '' || reason.trim() === '') {
    throw new PotterError('INVALID_ARGUMENT', {
      message: 'A transaction is resolved by somebody, for a reason.',
      remedy: 'Give both: they are kept with the transaction.',
    });
  }
  const strangers = writeOff.filter(
    (name) => !known.branches.some(({ participant }) => participant === name),
  );
  if (strangers.length > 0) {
    throw new PotterError('INVALID_ARGUMENT', {
      message: `${strangers.join(', ')} takes no part in the transaction '${transactionId}'.`,
      details: { transactionId },
    });
  }
  if (known.decision === null && decision === 'commit') {
    await assertPrepared(context, known, writeOff, signal);
  }
  const resolved = await context.log.resolve({ transactionId, decision, by, reason, writeOff });
  if (resolved === undefined || resolved.decision !== decision) {
    const taken = resolved?.decision ?? known.decision;
    throw new PotterError('TWO_PHASE_ALREADY_DECIDED', {
      message: `The transaction '${transactionId}' was decided already: ${taken}.`,
      remedy: 'Compensate what it did, if that is not what is wanted.',
      details: { transactionId, decision: taken },
    });
  }
  const at = context.options.clock.now();
  context.emit({
    type: 'TransactionResolved',
    at,
    transactionId,
    decision,
    by,
    reason,
    writtenOff: writeOff,
  });
  return resolved;
}

/** A commit of what a participant does not hold would be half a commit. */
async function assertPrepared(
  context: CoordinatorContext,
  known: TransactionRecord,
  writeOff: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { branches } = await viewOf(context, known, signal);
  const missing = branches.filter(
    ({ participant, state }) => state !== 'prepared' && !writeOff.includes(participant),
  );
  if (missing.length === 0) return;
  const states = missing.map(({ participant, state }) => `${participant} is ${state}`).join(', ');
  throw new PotterError('TWO_PHASE_NOT_PREPARED', {
    message: `The transaction '${known.transactionId}' cannot be committed: ${states}.`,
    remedy: 'Abort it, or ask again when the participant can be reached.',
    details: { transactionId: known.transactionId },
  });
}
