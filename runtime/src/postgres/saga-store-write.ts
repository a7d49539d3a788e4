import { PotterError } from '../errors/potter-error.ts';
import { jsonCodec } from '../foundation/json.ts';
import type { SagaStatus } from '../sagas/saga-event.ts';
import type { CommitOutcome, Lease, NewSaga, SagaCommit } from '../sagas/saga-store.ts';
import type { PostgresClient } from './client.ts';
import { encodeEvents } from './saga-store-events.ts';
import { inboxOf } from './saga-store-row.ts';
import {
  COMMITS,
  EXISTING_SQL,
  REFUSED_SQL,
  SAGAS,
  type WriteForm,
  writeSql,
} from './saga-store-write-sql.ts';
import { arrayTexts, type Cell } from './saga-store-write-values.ts';

/** What became of a new saga. */
export interface CreateOutcome {
  readonly created: boolean;
  readonly status: SagaStatus;
}

/** A commit in the form of the statement. */
export interface CommitWrite {
  readonly kind: 'commit';
  readonly commit: SagaCommit;
  /** In the order of {@link COMMITS}. */
  readonly cells: readonly Cell[];
}

/** A new saga in the form of the statement. */
export interface CreateWrite {
  readonly kind: 'create';
  readonly saga: NewSaga;
  readonly lease: Lease | null;
  /** In the order of {@link SAGAS}. */
  readonly cells: readonly Cell[];
}

/** Two writes of one statement are never about the same saga. */
export type SagaWrite = CommitWrite | CreateWrite;

/** What became of a write, by its kind; an error is the write's own. */
export type WriteOutcome =
  | { readonly kind: 'commit'; readonly outcome: CommitOutcome }
  | { readonly kind: 'create'; readonly outcome: CreateOutcome }
  | { readonly kind: 'error'; readonly error: unknown };

/** @throws PotterError `SERIALIZATION_FAILED` before anything else of a group is touched. */
export function commitWrite(commit: SagaCommit): CommitWrite {
  const { summary, events, lease, expectedSeq } = commit;
  const cells: Cell[] = [
    commit.sagaId,
    lease.workerId,
    lease.token,
    expectedSeq,
    expectedSeq + BigInt(events.length),
    commit.inboxSeen,
    summary.status,
    summary.currentStep,
    summary.error === null ? null : jsonCodec.encode(summary.error),
    timeOf(summary.wakeAt),
    timeOf(summary.finishedAt),
    summary.accepts,
    timeOf(events.at(-1)?.at),
    commit.release,
    commit.snapshot ?? null,
    encodeEvents(events),
  ];
  return { kind: 'commit', commit, cells };
}

/** @throws PotterError `SERIALIZATION_FAILED` */
export function createWrite(saga: NewSaga, lease: Lease | null): CreateWrite {
  const { summary, events } = saga;
  const cells: Cell[] = [
    saga.sagaId,
    lease?.workerId ?? null,
    saga.definition,
    saga.definitionVersion,
    saga.correlationId,
    saga.fingerprint,
    BigInt(events.length),
    summary.status,
    summary.currentStep,
    summary.error === null ? null : jsonCodec.encode(summary.error),
    timeOf(summary.wakeAt),
    timeOf(summary.finishedAt),
    summary.accepts,
    timeOf(events[0]?.at) ?? Date.now(),
    encodeEvents(events),
  ];
  return { kind: 'create', saga, lease, cells };
}

function timeOf(at: Date | null | undefined): number | null {
  return at ? at.getTime() : null;
}

/** What became of the writes of one statement. */
export interface WrittenGroup {
  /** In the order of the writes. */
  readonly outcomes: readonly WriteOutcome[];
  /** Whether somebody reads all journals and has to be told, once they are committed. */
  readonly watched: boolean;
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
  const commits = writes.filter((write) => write.kind === 'commit');
  const creates = writes.filter((write) => write.kind === 'create');
  const { rows } = await client.query<WrittenRow>({
    ...statementOf(
      {
        commits: commits.length > 0,
        creates: creates.length > 0,
        snapshots: commits.some(({ commit }) => commit.snapshot !== undefined),
        single: writes.length === 1,
        last: isLast,
      },
      planAge,
    ),
    values: [
      ...valuesOf(writes, COMMITS, commits),
      ...valuesOf(writes, SAGAS, creates),
      writes.length,
    ],
  });
  const row = rows[0];
  const watched = row?.watched === true;
  if (row !== undefined && row.saga_ids === null && Number(row.written) === writes.length) {
    return { outcomes: writes.map(writtenOutcome), watched };
  }
  const written = new Set(row?.saga_ids ? (JSON.parse(row.saga_ids) as readonly string[]) : []);
  const refused = commits.filter(({ commit }) => !written.has(commit.sagaId));
  const existing = creates.filter(({ saga }) => !written.has(saga.sagaId));
  const verdicts = new Map<string, WriteOutcome>([
    ...(refused.length === 0 ? [] : await explainRefused(client, refused)),
    ...(existing.length === 0 ? [] : await lookUpExisting(client, existing)),
  ]);
  return {
    outcomes: writes.map((write) => verdicts.get(sagaIdOf(write)) ?? writtenOutcome(write)),
    watched,
  };
}

/** The answer to the statement. */
interface WrittenRow {
  readonly written: string;
  readonly watched: boolean | null;
  /** JSON; null when all were written. */
  readonly saga_ids: string | null;
}

/** What a statement takes of the writes of one kind: a write that is alone goes as it is, others as arrays. */
function valuesOf(
  all: readonly SagaWrite[],
  columns: typeof COMMITS | typeof SAGAS,
  writes: readonly SagaWrite[],
): readonly Cell[] {
  if (writes.length === 0) return [];
  const rows = writes.map(({ cells }) => cells);
  return all.length === 1 ? rows.flat() : arrayTexts(columns, rows);
}

const texts = new Map<string, string>();

function statementOf(
  form: WriteForm,
  planAge: number,
): { readonly name: string; readonly text: string } {
  const parts = Object.entries(form).filter(([, wanted]) => wanted === true);
  const kind = parts.map(([part]) => part).join('_');
  const text = texts.get(kind) ?? writeSql(form);
  texts.set(kind, text);
  return { name: `potter_saga_${kind}_${planAge}`, text };
}

export function sagaIdOf(write: SagaWrite): string {
  return write.kind === 'commit' ? write.commit.sagaId : write.saga.sagaId;
}

function writtenOutcome(write: SagaWrite): WriteOutcome {
  if (write.kind === 'create') {
    return { kind: 'create', outcome: { created: true, status: write.saga.summary.status } };
  }
  const seq = write.commit.expectedSeq + BigInt(write.commit.events.length);
  return { kind: 'commit', outcome: { kind: 'committed', seq } };
}

interface RefusedRow {
  readonly saga_id: string;
  readonly last_seq: string | null;
  readonly owned: boolean | null;
  readonly inbox: string | null;
}

/** Nothing that refuses a commit goes away by itself, so asking a moment later finds the reason. */
async function explainRefused(
  client: PostgresClient,
  refused: readonly CommitWrite[],
): Promise<readonly [string, WriteOutcome][]> {
  const { rows } = await client.query<RefusedRow>({
    name: 'potter_saga_refused',
    text: REFUSED_SQL,
    values: [
      refused.map(({ commit }) => commit.sagaId),
      refused.map(({ commit }) => commit.lease.workerId),
      refused.map(({ commit }) => commit.lease.token),
      refused.map(({ commit }) => commit.inboxSeen),
    ],
  });
  const byId = new Map(rows.map((row) => [row.saga_id, row]));
  return refused.map(({ commit }) => [
    commit.sagaId,
    { kind: 'commit', outcome: reasonOf(commit, byId.get(commit.sagaId)) },
  ]);
}

function reasonOf(commit: SagaCommit, row: RefusedRow | undefined): CommitOutcome {
  if (row === undefined || row.last_seq === null || row.owned !== true)
    return { kind: 'lease-lost' };
  const seq = BigInt(row.last_seq);
  if (seq !== commit.expectedSeq) return { kind: 'diverged', seq };
  return { kind: 'messages', inbox: inboxOf(row.inbox) };
}

interface ExistingRow {
  readonly saga_id: string;
  readonly fingerprint: string;
  readonly status: SagaStatus;
  readonly owner: string | null;
  readonly token: string;
  readonly last_seq: string;
}

async function lookUpExisting(
  client: PostgresClient,
  creates: readonly CreateWrite[],
): Promise<readonly [string, WriteOutcome][]> {
  const { rows } = await client.query<ExistingRow>({
    name: 'potter_saga_existing',
    text: EXISTING_SQL,
    values: [creates.map(({ saga }) => saga.sagaId)],
  });
  const byId = new Map(rows.map((row) => [row.saga_id, row]));
  return creates.map((create) => [
    create.saga.sagaId,
    existingOutcome(create, byId.get(create.saga.sagaId)),
  ]);
}

function existingOutcome({ saga, lease }: CreateWrite, row: ExistingRow | undefined): WriteOutcome {
  if (row === undefined || row.fingerprint !== saga.fingerprint) {
    return { kind: 'error', error: alreadyExists(saga) };
  }
  // The creator asks again because the answer to its first call was lost: nobody else would run the saga.
  const isRepeated =
    lease !== null &&
    row.owner === lease.workerId &&
    BigInt(row.token) === lease.token &&
    Number(row.last_seq) === saga.events.length;
  return { kind: 'create', outcome: { created: isRepeated, status: row.status } };
}

function alreadyExists(saga: NewSaga): PotterError {
  return new PotterError('SAGA_ALREADY_EXISTS', {
    message: `Saga '${saga.sagaId}' was started before with another definition or input.`,
    remedy: 'Use another saga id, or start it with the same definition and input.',
    details: { sagaId: saga.sagaId, definition: saga.definition },
  });
}
