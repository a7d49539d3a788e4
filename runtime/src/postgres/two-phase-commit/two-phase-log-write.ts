import { jsonCodec } from '../../foundation/json.ts';
import type {
  BeginRequest,
  DecideRequest,
  DueRequest,
  ResolveRequest,
  SettleRequest,
} from '../../sagas/two-phase-commit/two-phase-log.ts';
import type { PostgresClient } from '../connection/client.ts';

/** An interval of `$n` milliseconds from now. */
const inMs = (parameter: string): string =>
  `clock_timestamp() + ${parameter}::float8 * interval '1 millisecond'`;

/** Makes it, or marks it as active. Branches of one that is there already stay as they are. */
export async function writeBegin(
  client: PostgresClient,
  coordinator: string,
  { transactionId, fingerprint, branches, dueInMs }: BeginRequest,
): Promise<void> {
  await client.query({
    name: 'potter_two_phase_begin',
    text: `
      WITH begun AS (
        INSERT INTO potter.two_phase_transactions AS t (coordinator, transaction_id, fingerprint, due_at)
        VALUES ($1, $2, $3, ${inMs('$4')})
        ON CONFLICT (coordinator, transaction_id) DO UPDATE
          SET due_at = CASE WHEN t.decision IS NULL THEN excluded.due_at ELSE t.due_at END
        RETURNING fingerprint
      )
      INSERT INTO potter.two_phase_log_branches (coordinator, transaction_id, participant, work)
      SELECT $1, $2, b.participant, b.work FROM begun, unnest($5::text[], $6::text[]) AS b(participant, work)
      WHERE begun.fingerprint = $3
      ON CONFLICT (coordinator, transaction_id, participant) DO NOTHING`,
    values: [
      coordinator,
      transactionId,
      fingerprint,
      dueInMs,
      branches.map(({ participant }) => participant),
      branches.map(({ work }) => jsonCodec.encode(work ?? null)),
    ],
  });
}

/**
 * The one conditional write that all agreement rests on: of several at once, the row lock lets one find null.
 */
export async function writeDecision(
  client: PostgresClient,
  coordinator: string,
  { transactionId, decision, reason, votes, dueInMs }: DecideRequest,
): Promise<void> {
  await client.query({
    name: 'potter_two_phase_decide',
    text: `
      WITH decided AS (
        UPDATE potter.two_phase_transactions
        SET decision = $3, reason = $4, decided_at = clock_timestamp(), due_at = ${inMs('$5')}
        WHERE coordinator = $1 AND transaction_id = $2 AND decision IS NULL
        RETURNING transaction_id
      )
      UPDATE potter.two_phase_log_branches b SET vote = v.vote
      FROM decided, unnest($6::text[], $7::text[]) AS v(participant, vote)
      WHERE b.coordinator = $1 AND b.transaction_id = decided.transaction_id AND b.participant = v.participant`,
    values: [
      coordinator,
      transactionId,
      decision,
      reason === null ? null : jsonCodec.encode(reason),
      dueInMs,
      Object.keys(votes),
      Object.values(votes),
    ],
  });
}

/** An abort of what was never begun: over at once, for nobody has to be told. */
export async function writeUnbegunAbort(
  client: PostgresClient,
  coordinator: string,
  { transactionId, reason }: DecideRequest,
): Promise<void> {
  await client.query({
    name: 'potter_two_phase_unbegun',
    text: `
      INSERT INTO potter.two_phase_transactions (coordinator, transaction_id, decision, reason, decided_at, settled_at)
      VALUES ($1, $2, 'abort', $3, clock_timestamp(), clock_timestamp())
      ON CONFLICT (coordinator, transaction_id) DO NOTHING`,
    values: [coordinator, transactionId, reason === null ? null : jsonCodec.encode(reason)],
  });
}

/**
 * Whether anybody is left is seen by the statement's own snapshot and its own writes. Two that write at the same moment
 * may each take the other's participant for pending; then it is still open, and whoever looks next closes it.
 */
export async function writeSettlement(
  client: PostgresClient,
  coordinator: string,
  { transactionId, settled, failed, dueInMs }: SettleRequest,
): Promise<void> {
  await client.query({
    name: 'potter_two_phase_settle',
    text: `
      WITH acknowledged AS (
        UPDATE potter.two_phase_log_branches b SET outcome = s.outcome, result = s.result
        FROM unnest($3::text[], $4::text[], $5::text[]) AS s(participant, outcome, result)
        WHERE b.coordinator = $1 AND b.transaction_id = $2 AND b.participant = s.participant AND b.outcome IS NULL
      ), failed AS (
        UPDATE potter.two_phase_log_branches b SET failures = b.failures + 1, problem = f.problem
        FROM unnest($6::text[], $7::text[]) AS f(participant, problem)
        WHERE b.coordinator = $1 AND b.transaction_id = $2 AND b.participant = f.participant AND b.outcome IS NULL
      ), pending AS (
        SELECT count(*) AS left FROM potter.two_phase_log_branches b
        WHERE b.coordinator = $1 AND b.transaction_id = $2 AND b.outcome IS NULL AND b.participant <> ALL ($3::text[])
      )
      UPDATE potter.two_phase_transactions t SET
        settled_at = CASE WHEN pending.left = 0 THEN clock_timestamp() END,
        due_at = CASE WHEN pending.left > 0 THEN ${inMs('$8')} END
      FROM pending
      WHERE t.coordinator = $1 AND t.transaction_id = $2 AND t.decision IS NOT NULL AND t.settled_at IS NULL`,
    values: [
      coordinator,
      transactionId,
      settled.map(({ participant }) => participant),
      settled.map(({ outcome }) => outcome),
      settled.map(({ result }) => jsonCodec.encode(result ?? null)),
      failed.map(({ participant }) => participant),
      failed.map(({ problem }) => jsonCodec.encode(problem)),
      dueInMs,
    ],
  });
}

/** @returns the ids of what is due, now out of sight of others for the length of the lease. */
export async function claimDue(
  client: PostgresClient,
  coordinator: string,
  { limit, leaseMs, resting }: DueRequest,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ transaction_id: string }>({
    name: 'potter_two_phase_due',
    text: `
      WITH due AS MATERIALIZED (
        SELECT t.transaction_id FROM potter.two_phase_transactions t
        WHERE t.coordinator = $1 AND t.due_at <= clock_timestamp()
          AND (cardinality($4::text[]) = 0
            OR EXISTS (SELECT FROM potter.two_phase_log_branches b WHERE b.coordinator = $1
              AND b.transaction_id = t.transaction_id AND b.outcome IS NULL AND b.participant <> ALL ($4::text[]))
            OR NOT EXISTS (SELECT FROM potter.two_phase_log_branches b WHERE b.coordinator = $1
              AND b.transaction_id = t.transaction_id AND b.outcome IS NULL))
        ORDER BY t.due_at LIMIT $2 FOR UPDATE SKIP LOCKED
      )
      UPDATE potter.two_phase_transactions t SET due_at = ${inMs('$3')}
      FROM due WHERE t.coordinator = $1 AND t.transaction_id = due.transaction_id
      RETURNING t.transaction_id`,
    values: [coordinator, limit, leaseMs, resting],
  });
  return rows.map((row) => row.transaction_id);
}

/** Decision, write-offs and audit in one statement; nothing of it when another decision was taken. */
export async function writeResolution(
  client: PostgresClient,
  coordinator: string,
  { transactionId, decision, by, reason, writeOff }: ResolveRequest,
): Promise<void> {
  const asked = {
    because: 'asked',
    code: 'TWO_PHASE_ABORTED',
    message: reason,
    participant: null,
  };
  await client.query({
    name: 'potter_two_phase_resolve',
    text: `
      WITH resolved AS (
        UPDATE potter.two_phase_transactions t SET
          decision = $3,
          reason = CASE WHEN t.decision IS NULL THEN $4 ELSE t.reason END,
          decided_at = coalesce(t.decided_at, clock_timestamp()),
          due_at = CASE WHEN t.settled_at IS NULL THEN clock_timestamp() END
        WHERE t.coordinator = $1 AND t.transaction_id = $2 AND coalesce(t.decision, $3) = $3
        RETURNING t.transaction_id
      ), written_off AS (
        UPDATE potter.two_phase_log_branches b SET outcome = 'written-off' FROM resolved
        WHERE b.coordinator = $1 AND b.transaction_id = resolved.transaction_id AND b.outcome IS NULL
          AND b.participant = ANY ($5::text[])
      )
      INSERT INTO potter.two_phase_audit (coordinator, transaction_id, by, reason, decision, written_off)
      SELECT $1, transaction_id, $6, $7, $3, $5::text[] FROM resolved`,
    values: [
      coordinator,
      transactionId,
      decision,
      decision === 'abort' ? jsonCodec.encode(asked) : null,
      writeOff,
      by,
      reason,
    ],
  });
}
