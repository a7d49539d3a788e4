import { jsonCodec } from '../foundation/json.ts';
import type { JournalEntry, SagaEvent } from '../sagas/saga-event.ts';

/** The fields of saga events that are times; everything else is plain or the user's. */
const TIMES = ['at', 'deadlineAt', 'retryAt'] as const;

/**
 * The events of one commit as JSON text. Times become text here rather than in the codec, so that ordinary events take
 * the codec's fast path.
 * @throws PotterError `SERIALIZATION_FAILED` for a result or input that JSON cannot carry.
 */
export function encodeEvents(events: readonly SagaEvent[]): string {
  return jsonCodec.encode(events.map(flatten));
}

function flatten(event: SagaEvent): Record<string, unknown> {
  const flat: Record<string, unknown> = { ...event };
  for (const name of TIMES) {
    const time = flat[name];
    if (time instanceof Date) flat[name] = time.toISOString();
  }
  return flat;
}

/**
 * Journal entries out of rows of the journal.
 * @param text a JSON array of rows, each an array of events, in order; null when there are none.
 * @param lastSeq place of the last of the events.
 */
export function decodeRows(text: string | null, lastSeq: bigint): readonly JournalEntry[] {
  if (text === null) return [];
  const events = (jsonCodec.decode(text) as Record<string, unknown>[][]).flat();
  const before = lastSeq - BigInt(events.length);
  return events.map((event, index) => ({ seq: before + BigInt(index + 1), event: restore(event) }));
}

/** In place: the event was parsed a moment ago and nobody else holds it. */
function restore(event: Record<string, unknown>): SagaEvent {
  for (const name of TIMES) {
    const time = event[name];
    if (typeof time === 'string') event[name] = new Date(time);
  }
  return event as unknown as SagaEvent;
}
