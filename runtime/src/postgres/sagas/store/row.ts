import { jsonCodec } from '../../../foundation/json.ts';
import type { SagaError, SagaStatus } from '../../../sagas/saga-event.ts';
import type { SagaMessage } from '../../../sagas/saga-message.ts';
import type {
  ClaimedSaga,
  InboxEntry,
  SagaSummary,
  StoredSaga,
} from '../../../sagas/saga-store.ts';
import { msOf } from '../../connection/ms-of.ts';
import { decodeRows } from './events.ts';

/** When a saga `s` that was told something is due: before all others, in the way that its kind of claim looks for. */
export const AT_ONCE: string =
  "CASE WHEN s.limit_rank IS NULL THEN '4000-01-01 BC'::timestamptz ELSE '-infinity' END";

/**
 * A saga as one row: its columns, its snapshot and its journal after that, in one round trip.
 * @param from a relation `s` with the columns of potter.sagas.
 */
export function selectSaga(from: string): string {
  return `
    SELECT s.saga_id, s.definition, s.definition_version, s.correlation_id, s.status, s.current_step, s.error,
      ${msOf('s.wake_at')} AS wake_at, ${msOf('s.started_at')} AS started_at,
      ${msOf('s.updated_at')} AS updated_at, ${msOf('s.finished_at')} AS finished_at, s.accepts,
      s.token::text, s.last_seq::text, s.inbox_seen::text, s.inbox_last > s.inbox_seen AS unheard,
      n.seq::text AS snapshot_seq, n.state AS snapshot_state, t.tail,
      coalesce(t.seq, n.seq)::text AS tail_seq
    FROM ${from} LEFT JOIN potter.saga_snapshots n ON n.saga_id = s.saga_id
    LEFT JOIN LATERAL (
      SELECT '[' || string_agg(j.events, ',' ORDER BY j.seq) || ']' AS tail, max(j.seq) AS seq
      FROM potter.saga_journal j WHERE j.saga_id = s.saga_id AND j.seq > coalesce(n.seq, 0)) t ON true`;
}

/** What {@link selectSaga} gives back. */
export interface SagaRow {
  readonly saga_id: string;
  readonly definition: string;
  readonly definition_version: number;
  readonly correlation_id: string;
  readonly status: SagaStatus;
  readonly current_step: string | null;
  readonly error: string | null;
  readonly wake_at: number | null;
  readonly started_at: number;
  readonly updated_at: number;
  readonly finished_at: number | null;
  readonly accepts: number;
  readonly token: string;
  readonly last_seq: string;
  readonly inbox_seen: string;
  readonly unheard: boolean;
  readonly snapshot_seq: string | null;
  readonly snapshot_state: string | null;
  readonly tail: string | null;
  /** Place of the last entry in snapshot and tail. Before `last_seq` when the row is newer than the statement. */
  readonly tail_seq: string | null;
}

export function storedSagaOf(row: SagaRow): StoredSaga {
  return {
    sagaId: row.saga_id,
    definition: row.definition,
    definitionVersion: row.definition_version,
    correlationId: row.correlation_id,
    summary: summaryOf(row),
    startedAt: new Date(row.started_at),
    updatedAt: new Date(row.updated_at),
    snapshot:
      row.snapshot_seq === null || row.snapshot_state === null
        ? null
        : { seq: BigInt(row.snapshot_seq), state: row.snapshot_state },
    tail: decodeRows(row.tail, BigInt(row.last_seq)),
    unheard: row.unheard,
  };
}

export function claimedSagaOf(
  row: SagaRow & { readonly inbox: string | null },
  workerId: string,
): ClaimedSaga {
  return {
    ...storedSagaOf(row),
    lease: { workerId, token: BigInt(row.token) },
    inbox: inboxOf(row.inbox),
    inboxSeen: BigInt(row.inbox_seen),
  };
}

function summaryOf(row: SagaRow): SagaSummary {
  return {
    status: row.status,
    currentStep: row.current_step,
    error: row.error === null ? null : (jsonCodec.decode(row.error) as SagaError),
    wakeAt: dateOf(row.wake_at),
    finishedAt: dateOf(row.finished_at),
    accepts: row.accepts,
  };
}

function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}

/** The messages of a saga `s` after `seen`, in order, as JSON text; null when there are none. */
export function selectInbox(sagaId: string, seen: string): string {
  return `(SELECT json_agg(json_build_array(i.seq::text, i.kind, i.message_id, ${msOf('i.at')}, i.body) ORDER BY i.seq)::text
    FROM potter.saga_inbox i WHERE i.saga_id = ${sagaId} AND i.seq > ${seen})`;
}

export function inboxOf(text: string | null): readonly InboxEntry[] {
  if (text === null) return [];
  const rows = JSON.parse(text) as [string, string, string, number, string | null][];
  return rows.map(([seq, kind, messageId, at, body]) => ({
    seq: BigInt(seq),
    message: messageOf({ kind, messageId, at: new Date(at) }, body),
  }));
}

/** What a message says beyond its kind, id and time, as text; null when that is nothing. */
export function bodyOf({
  kind: _kind,
  messageId: _id,
  at: _at,
  ...body
}: SagaMessage): string | null {
  return Object.keys(body).length === 0 ? null : jsonCodec.encode(body);
}

function messageOf(
  head: { readonly kind: string; readonly messageId: string; readonly at: Date },
  body: string | null,
): SagaMessage {
  const rest = body === null ? {} : (jsonCodec.decode(body) as object);
  // Only bodyOf writes this column, beside the kind that it belongs to.
  return { ...rest, ...head } as SagaMessage;
}
