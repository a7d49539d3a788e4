import type {
  PostgresPool,
  PostgresTransaction,
} from '../../runtime/src/postgres/connection/client.ts';
import { fence } from '../../runtime/src/postgres/fences/fence.ts';
import { preparedTransactionParticipant } from '../../runtime/src/postgres/two-phase-commit/prepared-transaction-participant.ts';
import { tryConfirmCancel } from '../../runtime/src/postgres/two-phase-commit/try-confirm-cancel.ts';
import { PostgresTwoPhaseLog } from '../../runtime/src/postgres/two-phase-commit/two-phase-log.ts';
import type { BranchId } from '../../runtime/src/sagas/two-phase-commit/branch-id.ts';
import { TwoPhaseCoordinator } from '../../runtime/src/sagas/two-phase-commit/coordinator.ts';
import type { TwoPhaseLog } from '../../runtime/src/sagas/two-phase-commit/two-phase-log.ts';
import type { TwoPhaseParticipant } from '../../runtime/src/sagas/two-phase-commit/two-phase-participant.ts';

/** What the participant that holds first has of each transaction. */
export const HOLDS_TABLE =
  'CREATE TABLE holds (transaction_id text PRIMARY KEY, saga_id text NOT NULL, state text NOT NULL)';

/** What stands between a process and its log and participants. */
export interface TogetherOptions {
  readonly log?: (log: TwoPhaseLog) => TwoPhaseLog;
  readonly participant?: (participant: TwoPhaseParticipant) => TwoPhaseParticipant;
}

/**
 * A process's coordinator for the step of several participants, with its log and both of them in one database: `east` has the
 * step's effect in a transaction that is prepared, `west` holds first. To be closed.
 */
export function togetherOn(pool: PostgresPool, options: TogetherOptions = {}): TwoPhaseCoordinator {
  const { log = (same) => same, participant = (same) => same } = options;
  const east = preparedTransactionParticipant<unknown, string>({
    name: 'east',
    pool,
    maxPreparing: 2,
    work: async (tx, _work, branch) => {
      await note(tx, branch);
      return 'east';
    },
  });
  const west = tryConfirmCancel<unknown, null, string>({
    name: 'west',
    pool,
    try: async (tx, _work, { transactionId }) => {
      await tx.query({
        text: `INSERT INTO holds (transaction_id, saga_id, state) VALUES ($1, $2, 'held')`,
        values: [transactionId, sagaOf(transactionId)],
      });
      return null;
    },
    confirm: async (tx, _tried, { transactionId }) => {
      const text = `UPDATE holds SET state = 'confirmed' WHERE transaction_id = $1`;
      await tx.query({ text, values: [transactionId] });
      return 'west';
    },
    cancel: async (tx, _tried, { transactionId }) => {
      const text = 'DELETE FROM holds WHERE transaction_id = $1';
      await tx.query({ text, values: [transactionId] });
    },
  });
  return new TwoPhaseCoordinator({
    log: log(new PostgresTwoPhaseLog({ pool })),
    participants: [participant(east), participant(west)],
    // What a process that was killed left is gone on with at once, or swept while the test still looks.
    sweepEvery: '1s',
    sweepOrphansEvery: '1s',
    orphanAfter: '2s',
  });
}

/** The undo has a fence, which has to know of the do. */
async function note(tx: PostgresTransaction, { transactionId }: BranchId): Promise<void> {
  const sagaId = sagaOf(transactionId);
  const values = [sagaId, `${sagaId}/together/do`];
  await fence(tx, `${sagaId}/together/do`, async () => {
    await tx.query({ text: 'INSERT INTO effects (saga_id, key) VALUES ($1, $2)', values });
  });
}

function sagaOf(transactionId: string): string {
  return transactionId.slice(0, transactionId.indexOf(':'));
}

/** What is half done between the participants of a saga that is over. */
export async function halfDone(pool: PostgresPool, sagaId: string): Promise<readonly string[]> {
  const { rows } = await pool.query<{ state: string; committed: number }>({
    text: `SELECT coalesce((SELECT string_agg(state, ' and ') FROM holds WHERE saga_id = $1), 'nothing') AS state,
      (SELECT count(*)::integer FROM effects WHERE key = $1 || '/together/do') AS committed`,
    values: [sagaId],
  });
  const [row] = rows;
  const isWhole =
    (row?.state === 'nothing' && row.committed === 0) ||
    (row?.state === 'confirmed' && row.committed === 1);
  return isWhole ? [] : [`together: west has ${row?.state}, east committed ${row?.committed}`];
}

/** How many transactions of this database nobody has ended. */
export async function stillPrepared(pool: PostgresPool): Promise<number> {
  const { rows } = await pool.query<{ n: number }>({
    text: 'SELECT count(*)::integer AS n FROM pg_prepared_xacts WHERE database = current_database()',
  });
  return rows[0]?.n ?? 0;
}
