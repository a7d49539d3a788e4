import type { PostgresClient } from '../../connection/client.ts';
import { callPrepared } from '../../connection/prepared-call.ts';
import { sagaIdOf, type SagaWrite, type WriteOutcome } from './write.ts';
import { commitOneSql, CREATE_ONE_SQL } from './write-one-sql.ts';
import { explainRefused, lookUpExisting } from './write-refused.ts';
import { COMMITS, SAGAS, type WriteForm, writeSql } from './write-sql.ts';
import { arrayTexts } from './write-values.ts';

/** What became of the writes of one statement. */
export interface WrittenGroup {
  /** In the order of the writes. */
  readonly outcomes: readonly WriteOutcome[];
  /** Whether somebody reads all journals and has to be told, once they are committed. */
  readonly watched: boolean;
  /** Its number among the transactions of the server; undefined of one write alone. */
  readonly transaction: number | undefined;
}

/**
 * Runs one statement for all writes.
 * @param planAge grows with the table. PostgreSQL keeps the plan of a prepared statement, and the best plan for a table
 * of one page is the worst for one of thousands; another age is another statement with a plan of its own.
 * @param isLast whether the client is in a transaction of which nothing but COMMIT is to come.
 */
export async function runWrites(
  client: PostgresClient,
  writes: readonly SagaWrite[],
  planAge: number,
  isLast = false,
): Promise<WrittenGroup> {
  const [alone] = writes;
  const { written, watched, transaction } =
    alone !== undefined && writes.length === 1
      ? await runOne(client, alone, planAge, isLast)
      : await runMany(client, writes, planAge);
  const refused = writes.filter((write) => written !== 'all' && !written.has(sagaIdOf(write)));
  if (refused.length === 0) return { outcomes: writes.map(writtenOutcome), watched, transaction };
  const commits = refused.filter((write) => write.kind === 'commit');
  const creates = refused.filter((write) => write.kind === 'create');
  const verdicts = new Map<string, WriteOutcome>([
    ...(commits.length === 0 ? [] : await explainRefused(client, commits)),
    ...(creates.length === 0 ? [] : await lookUpExisting(client, creates)),
  ]);
  return {
    outcomes: writes.map((write) => verdicts.get(sagaIdOf(write)) ?? writtenOutcome(write)),
    watched,
    transaction,
  };
}

/** What a statement says it wrote. */
interface Answer {
  /** Ids of sagas. */
  readonly written: 'all' | ReadonlySet<string>;
  readonly watched: boolean;
  readonly transaction?: number;
}

const NOTHING: ReadonlySet<string> = new Set();

async function runOne(
  client: PostgresClient,
  write: SagaWrite,
  planAge: number,
  isLast: boolean,
): Promise<Answer> {
  const { name, text } = statementOfOne(write, planAge, isLast);
  const [row] = await callPrepared(client, { name, text, values: write.cells });
  // Told, watched.
  return { written: row === undefined ? NOTHING : 'all', watched: row?.[1] === 't' };
}

async function runMany(
  client: PostgresClient,
  writes: readonly SagaWrite[],
  planAge: number,
): Promise<Answer> {
  const commits = writes.filter((write) => write.kind === 'commit');
  const creates = writes.filter((write) => write.kind === 'create');
  const form: WriteForm = {
    commits: commits.length > 0,
    creates: creates.length > 0,
    snapshots: commits.some(({ commit }) => commit.snapshot !== undefined),
  };
  const parts = Object.entries(form).flatMap(([part, wanted]) => (wanted ? [part] : []));
  const { name, text } = statementOf(parts.join('_'), planAge, () => writeSql(form));
  const values = [...arraysOf(COMMITS, commits), ...arraysOf(SAGAS, creates), writes.length];
  const [row] = await callPrepared(client, { name, text, values });
  // How many were written, told, watched, the transaction; ids as JSON, null when all were written.
  const [written, , watched, transaction, ids = null] = row ?? [];
  const isAll = ids === null && Number(written) === writes.length;
  return {
    written: isAll ? 'all' : new Set(ids === null ? [] : (JSON.parse(ids) as readonly string[])),
    watched: watched === 't',
    ...(row && { transaction: Number(transaction) }),
  };
}

function arraysOf(
  columns: typeof COMMITS | typeof SAGAS,
  writes: readonly SagaWrite[],
): readonly string[] {
  return writes.length === 0
    ? []
    : arrayTexts(
        columns,
        writes.map(({ cells }) => cells),
      );
}

interface Statement {
  readonly name: string;
  readonly text: string;
}

function statementOfOne(write: SagaWrite, planAge: number, isLast: boolean): Statement {
  if (write.kind === 'create') return statementOf('create', planAge, () => CREATE_ONE_SQL);
  const snapshot = write.commit.snapshot !== undefined;
  const kind = `commit${snapshot ? '_snapshot' : ''}${isLast ? '_last' : ''}`;
  return statementOf(kind, planAge, () => commitOneSql(snapshot, isLast));
}

/** By kind, then by age: made once, for making a name and looking it up takes longer than all else that is done here. */
const statements = new Map<string, Statement[]>();

function statementOf(kind: string, planAge: number, make: () => string): Statement {
  let ofKind = statements.get(kind);
  if (ofKind === undefined) statements.set(kind, (ofKind = []));
  return (ofKind[planAge] ??= { name: `potter_saga_${kind}_${planAge}`, text: make() });
}

function writtenOutcome(write: SagaWrite): WriteOutcome {
  if (write.kind === 'create') {
    return { kind: 'create', outcome: { created: true, status: write.saga.summary.status } };
  }
  const seq = write.commit.expectedSeq + BigInt(write.commit.events.length);
  return { kind: 'commit', outcome: { kind: 'committed', seq } };
}
