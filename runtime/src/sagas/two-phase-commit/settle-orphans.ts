import type { CoordinatorContext } from './coordinator-context.ts';

/** Orphans that are dealt with side by side. */
const BATCH = 20;

/**
 * Finds what a participant holds prepared though the log does not wait for it: of a transaction that the log never
 * heard of, or one that is over. The participant is asked first and the log afterwards: a begin is durable before
 * anything is prepared, so what the log does not know then, it will never know.
 */
export async function settleOrphans(
  context: CoordinatorContext,
  participant: string,
  signal: AbortSignal,
): Promise<void> {
  if (context.rest.restMs(participant) > 0) return;
  const { coordinator } = await context.branchId('-');
  const prepared = await context.call(participant, 'prepared', signal, (one, options) =>
    one.prepared(coordinator, options),
  );
  const old = prepared.filter(({ ageMs }) => ageMs >= context.options.orphanAfterMs);
  for (let from = 0; from < old.length; from += BATCH) {
    await Promise.all(
      old
        .slice(from, from + BATCH)
        .map(({ transactionId }) => settleOrphan(context, participant, transactionId, signal)),
    );
  }
}

async function settleOrphan(
  context: CoordinatorContext,
  participant: string,
  transactionId: string,
  signal: AbortSignal,
): Promise<void> {
  const record = await context.log.get(transactionId);
  const branch = record?.branches.find((one) => one.participant === participant);
  // The sweep of the log sees to it.
  if (record !== undefined && branch !== undefined && branch.outcome === null) return;
  const decision = record?.decision ?? 'abort';
  const id = await context.branchId(transactionId);
  await context.call(participant, decision, signal, (one, options) =>
    decision === 'commit' ? one.commit(id, options) : one.abort(id, options),
  );
  context.metrics.orphan(participant);
  const at = context.options.clock.now();
  context.emit({ type: 'OrphanSettled', at, transactionId, participant, decision });
}
