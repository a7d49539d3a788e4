import { jsonCodec } from '../foundation/json.ts';
import type { JournalEntry, SagaEvent } from '../sagas/saga-event.ts';

/** The fields of saga events that are times; everything else is plain or the user's. */
const TIMES: readonly string[] = ['at', 'deadlineAt', 'retryAt', 'until'];

/**
 * The events of one commit as JSON text, put together here: this is done for every commit, and JSON.stringify takes
 * several times as long over objects with dates in them.
 * @throws PotterError `SERIALIZATION_FAILED` for a result or input that JSON cannot carry.
 */
export function encodeEvents(events: readonly SagaEvent[]): string {
  let text = '[';
  for (const event of events) text += text === '[' ? encodeEvent(event) : `,${encodeEvent(event)}`;
  return `${text}]`;
}

function encodeEvent(event: SagaEvent): string {
  let text = '';
  for (const [name, value] of Object.entries(event)) {
    if (value === undefined) continue;
    text += `${text === '' ? '{' : ','}"${name}":${encodeMember(name, value)}`;
  }
  return `${text}}`;
}

/** Written as it is: no quote, no backslash, nothing outside of ASCII. */
const PLAIN = /^[ !#-[\]-~]*$/;

function encodeMember(name: string, value: unknown): string {
  if (typeof value === 'string') return PLAIN.test(value) ? `"${value}"` : JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return `${value}`;
  if (value instanceof Date && TIMES.includes(name)) return `"${value.toISOString()}"`;
  return value === null ? 'null' : jsonCodec.encode(value);
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
