import { PotterError } from '../../errors/potter-error.ts';
import type {
  PostgresConnection,
  PostgresPool,
  PostgresTransaction,
} from '../connection/client.ts';
import { withConnection } from '../connection/with-connection.ts';

/**
 * Runs work on a branch in a transaction while nobody else does: prepare and abort of one branch exclude each other.
 * The lock is the session's, not the transaction's: a transaction's lock would be prepared with it and be held on.
 * It is taken inside the transaction, so that the limits below also end a process that stalls while it has it, and given
 * up in the same message as the transaction, so that there is no moment in which a stalled process can keep it.
 * @param work says with its answer whether the transaction is to be prepared under the branch's name, or committed.
 */
export async function exclusively(
  pool: PostgresPool,
  branch: string,
  timeoutMs: number,
  work: (transaction: PostgresTransaction) => Promise<'prepare' | 'commit'>,
): Promise<void> {
  await withConnection(pool, `ROLLBACK; ${UNLOCK}`, async (connection) => {
    const ms = Math.ceil(timeoutMs);
    await connection.query({
      text:
        `BEGIN; SET LOCAL statement_timeout = ${ms}; SET LOCAL lock_timeout = ${ms}; ` +
        `SET LOCAL idle_in_transaction_session_timeout = ${ms}`,
    });
    await connection.query({
      name: 'potter_two_phase_lock',
      text: 'SELECT pg_advisory_lock(hashtextextended($1, 0))',
      values: [branch],
    });
    const end = await work(connection);
    await finish(connection, end === 'commit' ? 'COMMIT' : `PREPARE TRANSACTION '${branch}'`);
  });
}

const UNLOCK = 'SELECT pg_advisory_unlock_all()';

async function finish(connection: PostgresConnection, statement: string): Promise<void> {
  const results: unknown = await connection.query({ text: `${statement}; ${UNLOCK}` });
  const [first] = Array.isArray(results) ? (results as readonly unknown[]) : [results];
  // A transaction in which a statement failed is rolled back by these, and reported as success.
  const rolledBack =
    typeof first === 'object' &&
    first !== null &&
    'command' in first &&
    first.command === 'ROLLBACK';
  if (!rolledBack) return;
  throw new PotterError('DATABASE_ERROR', {
    message: 'The work was rolled back: a statement in it had failed and its error was dropped.',
    remedy: 'Let errors of statements reach the participant.',
  });
}
