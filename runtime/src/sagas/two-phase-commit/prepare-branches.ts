import { setMaxListeners } from 'node:events';
import { describeError } from '../../errors/describe-error.ts';
import { isPotterError } from '../../errors/potter-error.ts';
import { isRejection } from '../../errors/rejection.ts';
import { nextDelayMs } from '../../foundation/backoff.ts';
import { sleep, throwIfAborted } from '../../foundation/sleep.ts';
import type { CoordinatorContext } from './coordinator-context.ts';
import type {
  AbortReason,
  BranchRecord,
  TransactionRecord,
  Vote,
} from './two-phase-transaction.ts';

/** What the first phase came to. */
export interface Ballot {
  readonly votes: Readonly<Record<string, Vote>>;
  /** The first that was not "yes"; null: all are prepared. */
  readonly reason: AbortReason | null;
}

/**
 * Asks all participants. The first "no" ends it: whoever is at work is told by its signal to stop, and is not waited for,
 * because an abort overtakes what it still does.
 * @throws PotterError `ABORTED` when the caller's signal fires: nothing is decided then.
 */
export async function prepareBranches(
  context: CoordinatorContext,
  record: TransactionRecord,
  signal: AbortSignal | undefined,
): Promise<Ballot> {
  const votes: Record<string, Vote> = {};
  let reason: AbortReason | null = null;
  const over = new AbortController();
  setMaxListeners(0, over.signal);
  const stop = (): void => over.abort(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  const ask = async (branch: BranchRecord): Promise<void> => {
    if (over.signal.aborted) return;
    const { participant } = branch;
    const no = await prepareBranch(context, record.transactionId, branch, over.signal);
    if (no === 'stopped') return;
    votes[participant] = no === null ? 'prepared' : no.vote;
    if (no === null || reason !== null) return;
    reason = { because: no.vote, participant, ...describeError(no.error) };
    over.abort();
  };
  try {
    if (context.options.prepare === 'at-once') await Promise.all(record.branches.map(ask));
    else for (const branch of record.branches.toSorted(byParticipant)) await ask(branch);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
  if (reason === null) throwIfAborted(signal);
  return { votes, reason };
}

function byParticipant(one: BranchRecord, other: BranchRecord): number {
  return one.participant < other.participant ? -1 : 1;
}

type No = { readonly vote: 'refused' | 'failed'; readonly error: unknown };

async function prepareBranch(
  context: CoordinatorContext,
  transactionId: string,
  { participant, work }: BranchRecord,
  signal: AbortSignal,
): Promise<No | null | 'stopped'> {
  const { prepareRetry, clock, random } = context.options;
  const startedAtMs = clock.now().getTime();
  for (let attempt = 1; ; attempt += 1) {
    try {
      const id = await context.branchId(transactionId);
      await context.call(participant, 'prepare', signal, (one, options) =>
        one.prepare(id, work, options),
      );
      context.rest.answered(participant);
      return null;
    } catch (error) {
      if (signal.aborted) return 'stopped';
      if (isRejection(error)) return { vote: 'refused', error };
      const elapsedMs = clock.now().getTime() - startedAtMs;
      const delayMs = isFinal(error)
        ? undefined
        : nextDelayMs(prepareRetry, { attempt, elapsedMs }, random);
      if (delayMs === undefined) return { vote: 'failed', error };
      const stopped = await sleep(delayMs, { clock, signal }).then(
        () => false,
        () => true,
      );
      if (stopped) return 'stopped';
    }
  }
}

/** Asking again cannot help. */
function isFinal(error: unknown): boolean {
  return (
    isPotterError(error, 'FENCED') ||
    isPotterError(error, 'INVALID_ARGUMENT') ||
    isPotterError(error, 'PREPARED_TRANSACTIONS_DISABLED') ||
    isPotterError(error, 'TWO_PHASE_PARTICIPANT_UNKNOWN')
  );
}
