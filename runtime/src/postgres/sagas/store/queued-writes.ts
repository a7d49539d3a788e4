import { exponentialBackoff } from '../../../foundation/backoff.ts';
import type { SagaCommit } from '../../../sagas/saga-store.ts';
import type { PostgresClient, PostgresPool } from '../../connection/client.ts';
import { changeQueues, holdQueues, type LockChanges } from './locks.ts';
import { type CreateWrite, sagaIdOf, type SagaWrite } from './write.ts';
import { runWrites, type WrittenGroup } from './write-run.ts';
import { inTransaction } from '../../connection/transaction.ts';

/** Two groups may still meet in the rows of sagas; the server lets one of them go first. */
const retry = exponentialBackoff({ maxAttempts: 10, initialDelay: 2, maxDelay: 50 });

/**
 * Whether a write changes where a saga is looked for: its place in a queue for keys, for its definition's limits, before
 * others by priority, or the version of its definition. Most do not, and cost nothing of this.
 */
export function isQueued(write: SagaWrite): boolean {
  if (write.kind === 'commit') {
    return write.commit.lock !== undefined || write.commit.definitionVersion !== undefined;
  }
  const { locks = [], limitKey } = write.saga;
  return locks.length > 0 || limitKey !== undefined || hasPriority(write);
}

/** A saga that is owned at once goes before no other. */
function hasPriority({ saga, lease }: CreateWrite): boolean {
  return lease === null && (saga.priority ?? 0) > 0;
}

/** Writes and their changes to the queues, in one transaction: the client's, or one of their own when it is the pool. */
export async function runQueuedWrites(
  client: PostgresClient,
  pool: PostgresPool,
  writes: readonly SagaWrite[],
  planAge: number,
  isLast = false,
): Promise<WrittenGroup> {
  if (client === pool) {
    return inTransaction(pool, (tx) => runQueuedWrites(tx, pool, writes, planAge), { retry });
  }
  const intended = changesOf(writes);
  if (isChange(intended)) await holdQueues(client, intended);
  const group = await runWrites(client, writes, planAge, isLast);
  const written = writes.filter((_, index) => wasWritten(group.outcomes[index]));
  const ranked = written.filter(
    (write) => write.kind === 'create' && (write.saga.limitKey !== undefined || hasPriority(write)),
  );
  if (ranked.length > 0) await rankSagas(client, ranked);
  for (const write of written)
    if (write.kind === 'commit') await moveToVersion(client, write.commit);
  if (isChange(intended)) await changeQueues(client, intended, changesOf(written));
  return group;
}

/** Seldom, and one by one. */
async function moveToVersion(
  client: PostgresClient,
  { sagaId, definitionVersion }: SagaCommit,
): Promise<void> {
  if (definitionVersion === undefined) return;
  await client.query({
    name: 'potter_saga_version',
    text: 'UPDATE potter.sagas SET definition_version = $2 WHERE saga_id = $1',
    values: [sagaId, definitionVersion],
  });
}

function isChange({ take, leave }: LockChanges): boolean {
  return take.length + leave.length > 0;
}

/**
 * Puts new sagas where claims of their definition look. With limits that is their rank among those of their key; without,
 * an earlier time: by a century for each priority, so that it is seen to be none.
 */
const RANK_SQL = `
  UPDATE potter.sagas s SET limit_key = r.limit_key,
    limit_rank = CASE WHEN r.limit_key IS NOT NULL THEN extract(epoch FROM s.started_at) - r.priority * 1e10 END,
    due_at = CASE WHEN r.limit_key IS NULL THEN s.due_at - r.priority * interval '100 years'
      WHEN s.due_at <= s.started_at THEN '-infinity' ELSE s.due_at END
  FROM unnest($1::text[], $2::text[], $3::integer[]) AS r(saga_id, limit_key, priority)
  WHERE s.saga_id = r.saga_id`;

async function rankSagas(client: PostgresClient, writes: readonly SagaWrite[]): Promise<void> {
  const sagas = writes.flatMap((write) => (write.kind === 'create' ? [write.saga] : []));
  await client.query({
    name: 'potter_saga_rank',
    text: RANK_SQL,
    values: [
      sagas.map(({ sagaId }) => sagaId),
      sagas.map(({ limitKey }) => (limitKey === undefined ? null : `=${limitKey}`)),
      sagas.map(({ priority }) => priority ?? 0),
    ],
  });
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
    if (write.kind === 'create') {
      if (write.saga.locks) take.push({ sagaId, keys: write.saga.locks });
    } else if (write.commit.lock?.kind === 'take')
      take.push({ sagaId, keys: write.commit.lock.keys });
    else if (write.commit.lock) leave.push({ sagaId, keys: write.commit.lock.keys });
  }
  return { take, leave };
}
