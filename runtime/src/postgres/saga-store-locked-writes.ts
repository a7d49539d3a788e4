import { exponentialBackoff } from '../foundation/backoff.ts';
import type { PostgresClient, PostgresPool } from './client.ts';
import { changeQueues, holdQueues, type LockChanges } from './saga-store-locks.ts';
import { sagaIdOf, type SagaWrite } from './saga-store-write.ts';
import { runWrites, type WrittenGroup } from './saga-store-write-run.ts';
import { inTransaction } from './transaction.ts';

/** Two groups may still meet in the rows of sagas; the server lets one of them go first. */
const retry = exponentialBackoff({ maxAttempts: 10, initialDelay: 2, maxDelay: 50 });

/** Whether a write takes a place in the queues of keys, or gives one up. Most do not, and cost nothing of this. */
export function isAboutLocks(write: SagaWrite): boolean {
  return write.kind === 'create'
    ? (write.saga.locks ?? []).length > 0
    : write.commit.lock !== undefined;
}

/** Writes and their changes to the queues, in one transaction: the client's, or one of their own when it is the pool. */
export async function runLockedWrites(
  client: PostgresClient,
  pool: PostgresPool,
  writes: readonly SagaWrite[],
  planAge: number,
  isLast = false,
): Promise<WrittenGroup> {
  if (client === pool) {
    return inTransaction(pool, (tx) => runLockedWrites(tx, pool, writes, planAge), { retry });
  }
  await holdQueues(client, changesOf(writes));
  const group = await runWrites(client, writes, planAge, isLast);
  const written = changesOf(writes.filter((_, index) => wasWritten(group.outcomes[index])));
  if (written.take.length + written.leave.length > 0) await changeQueues(client, written);
  return group;
}

function wasWritten(outcome: WrittenGroup['outcomes'][number] | undefined): boolean {
  switch (outcome?.kind) {
    case 'create':
      return outcome.outcome.created;
    case 'commit':
      return outcome.outcome.kind === 'committed';
    case 'error':
    case undefined:
      return false;
  }
}

function changesOf(writes: readonly SagaWrite[]): LockChanges {
  const take: LockChanges['take'][number][] = [];
  const leave: LockChanges['leave'][number][] = [];
  for (const write of writes) {
    const sagaId = sagaIdOf(write);
    if (write.kind === 'create') take.push({ sagaId, keys: write.saga.locks ?? [] });
    else if (write.commit.lock?.kind === 'take')
      take.push({ sagaId, keys: write.commit.lock.keys });
    else if (write.commit.lock) leave.push({ sagaId, keys: write.commit.lock.keys });
  }
  return { take, leave };
}
