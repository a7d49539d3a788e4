import { sagaAlreadyExists } from '../../../sagas/saga-already-exists.ts';
import type { SagaStatus } from '../../../sagas/saga-event.ts';
import type { CommitOutcome, SagaCommit } from '../../../sagas/saga-store.ts';
import type { PostgresClient } from '../../connection/client.ts';
import { inboxOf } from './row.ts';
import { msOf } from '../../connection/ms-of.ts';
import type { CommitWrite, CreateWrite, WriteOutcome } from './write.ts';
import { ALIVE } from './write-sql.ts';

/** Why commits were refused: the same questions as in the statement above, asked one by one. */
const REFUSED_SQL: string = `
  SELECT c.saga_id, s.last_seq::text,
    s.saga_id IS NOT NULL AND s.owner = c.worker_id AND s.token = c.token AND c.worker_id IN ${ALIVE} AS owned,
    (SELECT json_agg(json_build_array(i.seq::text, i.kind, i.message_id, ${msOf('i.at')}, i.body) ORDER BY i.seq)::text
      FROM potter.saga_inbox i WHERE i.saga_id = c.saga_id AND i.seq > c.inbox_seen) AS inbox
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS c(saga_id, worker_id, token, inbox_seen)
  LEFT JOIN potter.sagas s USING (saga_id)`;

/** What is there already under the ids of sagas that were not created. */
const EXISTING_SQL: string = `
  SELECT saga_id, fingerprint, status, owner, token::text, last_seq::text,
    NOT EXISTS (SELECT FROM potter.saga_journal j WHERE j.saga_id = s.saga_id AND j.seq < s.last_seq) AS as_created
  FROM potter.sagas s WHERE saga_id = ANY($1::text[])`;

interface RefusedRow {
  readonly saga_id: string;
  readonly last_seq: string | null;
  readonly owned: boolean | null;
  readonly inbox: string | null;
}

/** Nothing that refuses a commit goes away by itself, so asking a moment later finds the reason. */
export async function explainRefused(
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
  /** Nothing was written since its creation. */
  readonly as_created: boolean;
}

export async function lookUpExisting(
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
    return { kind: 'error', error: sagaAlreadyExists(saga) };
  }
  // The creator asks again because the answer to its first call was lost: nobody else would run the saga.
  const isRepeated =
    lease !== null &&
    row.owner === lease.workerId &&
    BigInt(row.token) === lease.token &&
    // A first owner that claimed it may have made it look the same.
    row.as_created &&
    Number(row.last_seq) === saga.events.length;
  return { kind: 'create', outcome: { created: isRepeated, status: row.status } };
}
