import type { RecordedEvent } from '../../events/recorded-event.ts';
import { parseStreamId, type StreamId } from '../../events/stream-id.ts';
import type { JsonCodec } from '../../foundation/json.ts';

/**
 * Columns of an event, each as text: the driver leaves text alone, so that no parser somebody set globally can change
 * a position, a time or a payload.
 */
export const EVENT_COLUMNS = `position::text, stream_id, version::text, event_id::text as id, type,
  schema_version::text, data::text, metadata::text,
  case when tags = '{}' then null else array_to_json(tags)::text end as tags,
  (extract(epoch from recorded_at) * 1000)::bigint::text as recorded_ms`;

/** A row with {@link EVENT_COLUMNS}. */
export interface EventRow {
  readonly position: string;
  readonly stream_id: string;
  readonly version: string;
  readonly id: string;
  readonly type: string;
  readonly schema_version: string;
  readonly data: string;
  readonly metadata: string;
  readonly tags: string | null;
  readonly recorded_ms: string;
}

/** The event of a row, before upcasters. */
export function eventOfRow(row: EventRow, codec: JsonCodec): RecordedEvent {
  return {
    type: row.type,
    data: codec.decode(row.data),
    id: row.id,
    streamId: row.stream_id as StreamId,
    category: parseStreamId(row.stream_id).category,
    version: BigInt(row.version),
    position: BigInt(row.position),
    metadata: codec.decode(row.metadata) as RecordedEvent['metadata'],
    tags: row.tags === null ? [] : (JSON.parse(row.tags) as string[]),
    schemaVersion: Number(row.schema_version),
    recordedAt: new Date(Number(row.recorded_ms)),
  };
}
