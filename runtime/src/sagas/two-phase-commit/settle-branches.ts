import { describeError, type ErrorDescription } from '../../errors/describe-error.ts';
import type { CoordinatorContext } from './coordinator-context.ts';
import type { SettleRequest } from './two-phase-log.ts';
import { type Decision, pendingBranches, type TransactionRecord } from './two-phase-transaction.ts';

/** Where a transaction stands after its participants were told once. */
export interface Settlement {
  readonly record: TransactionRecord;
  /** When to go on, in milliseconds from now; undefined: all have acknowledged. */
  readonly againInMs: number | undefined;
}

type Told =
  | { readonly participant: string; readonly result: unknown }
  | { readonly participant: string; readonly problem: ErrorDescription };

/**
 * Tells the decision to all participants that have not acknowledged it, at once, except to those that rest after a
 * failure; writes down what came of it, in one write.
 */
export async function settleBranches(
  context: CoordinatorContext,
  record: TransactionRecord,
  decision: Decision,
  signal: AbortSignal | undefined,
): Promise<Settlement> {
  const { transactionId } = record;
  const awake = pendingBranches(record).filter(({ participant }) =>
    context.rest.admits(participant),
  );
  const told = await Promise.all(
    awake.map(({ participant }) => tell(context, transactionId, participant, decision, signal)),
  );
  const outcome = decision === 'commit' ? 'committed' : 'aborted';
  const settled: SettleRequest['settled'] = told.flatMap((one) =>
    'problem' in one ? [] : [{ ...one, outcome }],
  );
  const failed = told.filter((one) => 'problem' in one);
  const acknowledged = new Set(settled.map(({ participant }) => participant));
  const waitMs = pendingBranches(record)
    .filter(({ participant }) => !acknowledged.has(participant))
    .map(({ participant }) => context.rest.restMs(participant));
  // Nobody left, and still not over: another process wrote at the same moment; the next write sees both.
  const againInMs = Math.max(1, Math.min(...waitMs, context.options.settleRetry.maxDelayMs));
  const written = await context.log.settle({ transactionId, settled, failed, dueInMs: againInMs });
  const now = written ?? record;
  if (now.settledAt === null) return { record: now, againInMs };
  if (record.settledAt === null) {
    context.metrics.settled(decision, now.ageMs);
    const at = context.options.clock.now();
    context.emit({ type: 'TransactionSettled', at, transactionId, decision });
  }
  return { record: now, againInMs: undefined };
}

async function tell(
  context: CoordinatorContext,
  transactionId: string,
  participant: string,
  decision: Decision,
  signal: AbortSignal | undefined,
): Promise<Told> {
  try {
    const id = await context.branchId(transactionId);
    const result = await context.call(participant, decision, signal, (one, options) =>
      decision === 'commit' ? one.commit(id, options) : one.abort(id, options),
    );
    context.rest.answered(participant);
    return { participant, result: result ?? null };
  } catch (error) {
    // A caller who goes away says nothing about the participant.
    if (signal?.aborted) {
      context.rest.unknown(participant);
      throw error;
    }
    context.rest.failed(participant);
    context.options.logger.warn(`a participant could not be told to ${decision}`, {
      transactionId,
      participant,
      error,
    });
    return { participant, problem: describeError(error) };
  }
}
