import { PotterError } from '../errors/potter-error.ts';
import { jsonCodec } from '../foundation/json.ts';
import type { SagaStatus } from '../sagas/saga-event.ts';
import type { CommitOutcome, Lease, NewSaga, SagaCommit } from '../sagas/saga-store.ts';
import type { PostgresClient } from './client.ts';
import { encodeEvents } from './saga-store-events.ts';
import { inboxOf } from './saga-store-row.ts';
import {
  type CommitColumns,
  EXISTING_SQL,
  REFUSED_SQL,
  type SagaColumns,
  type WriteForm,
  writeParameters,
  writeSql,
} from './saga-store-write-sql.ts';

/** What became of a new saga. */
export interface CreateOutcome {
  readonly created: boolean;
  readonly status: SagaStatus;
}

/** A commit in the form of the statement. */
export interface CommitWrite {
  readonly kind: 'commit';
  readonly commit: SagaCommit;
  readonly columns: CommitColumns;
}

/** A new saga in the form of the statement. */
export interface CreateWrite {
  readonly kind: 'create';
  readonly saga: NewSaga;
  readonly lease: Lease | null;
  readonly columns: SagaColumns;
}

/** Two writes of one statement are never about the same saga. */
export type SagaWrite = CommitWrite | CreateWrite;

/** What became of a write, by its kind; an error is the write's own. */
export type WriteOutcome =
  | { readonly kind: 'commit'; readonly outcome: CommitOutcome }
  | { readonly kind: 'create'; readonly outcome: CreateOutcome }
  | { readonly kind: 'error'; readonly error: PotterError };

/** @throws PotterError `SERIALIZATION_FAILED` before anything else of a group is touched. */
export function commitWrite(commit: SagaCommit): CommitWrite {
  const { summary, events } = commit;
  const columns: CommitColumns = {
    saga_id: commit.sagaId,
    worker_id: commit.lease.workerId,
    token: commit.lease.token,
    expected_seq: commit.expectedSeq,
    new_seq: commit.expectedSeq + BigInt(events.length),
    inbox_seen: commit.inboxSeen,
    status: summary.status,
    current_step: summary.currentStep,
    error: summary.error === null ? null : jsonCodec.encode(summary.error),
    wake_ms: summary.wakeAt?.getTime() ?? null,
    finished_ms: summary.finishedAt?.getTime() ?? null,
    accepts: summary.accepts,
    updated_ms: events.at(-1)?.at.getTime() ?? null,
    release: commit.release,
    snapshot: commit.snapshot ?? null,
    events: encodeEvents(events),
  };
  return { kind: 'commit', commit, columns };
}

/** @throws PotterError `SERIALIZATION_FAILED` */
export function createWrite(saga: NewSaga, lease: Lease | null): CreateWrite {
  const { summary, events } = saga;
  const columns: SagaColumns = {
    saga_id: saga.sagaId,
    worker_id: lease?.workerId ?? null,
    definition: saga.definition,
    definition_version: saga.definitionVersion,
    correlation_id: saga.correlationId,
    fingerprint: saga.fingerprint,
    new_seq: BigInt(events.length),
    status: summary.status,
    current_step: summary.currentStep,
    error: summary.error === null ? null : jsonCodec.encode(summary.error),
    wake_ms: summary.wakeAt?.getTime() ?? null,
    finished_ms: summary.finishedAt?.getTime() ?? null,
    accepts: summary.accepts,
    started_ms: events[0]?.at.getTime() ?? Date.now(),
    events: encodeEvents(events),
  };
  return { kind: 'create', saga, lease, columns };
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
  const { rows } = await client.query<{
    readonly saga_id: string;
    readonly watched: boolean | null;
  }>({
    ...statementOf(
      {
        commits: commits.length > 0,
        creates: creates.length > 0,
        snapshots: commits.some(({ columns }) => columns.snapshot !== null),
        last: isLast,
      },
      planAge,
    ),
    values: writeParameters(
      commits.map(({ columns }) => columns),
      creates.map(({ columns }) => columns),
    ),
  });
  const written = new Set(rows.map((row) => row.saga_id));
  const refused = commits.filter(({ commit }) => !written.has(commit.sagaId));
  const existing = creates.filter(({ saga }) => !written.has(saga.sagaId));
  const verdicts = new Map<string, WriteOutcome>([
    ...(refused.length === 0 ? [] : await explainRefused(client, refused)),
    ...(existing.length === 0 ? [] : await lookUpExisting(client, existing)),
  ]);
  return {
    outcomes: writes.map((write) => verdicts.get(sagaIdOf(write)) ?? writtenOutcome(write)),
    watched: rows[0]?.watched === true,
  };
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
