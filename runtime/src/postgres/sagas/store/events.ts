import { jsonCodec } from '../../../foundation/json.ts';
import type { JournalEntry, SagaEvent } from '../../../sagas/saga-event.ts';

/** A moment and its text. */
interface Written {
  ms: number;
  text: string;
}

/**
 * The fields of saga events that are times; everything else is plain or the user's. Each remembers the last moment it was
 * written for: what is committed together happened in the same millisecond, most often, and was given as long.
 */
const TIMES: ReadonlyMap<string, Written> = new Map(
  ['at', 'deadlineAt', 'retryAt', 'until'].map((name) => [name, { ms: Number.NaN, text: '' }]),
);

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
  const members = event as object as Readonly<Record<string, unknown>>;
  let text = '';
  for (const name in members) {
    const value = members[name];
    if (value === undefined) continue;
    text += text === '' ? `{"${name}":` : keyOf(name);
    text += encodeMember(name, value);
  }
  return `${text}}`;
}

/** Made once for each of the few names there are: every piece of text on this way counts. */
const KEYS = new Map<string, string>();

function keyOf(name: string): string {
  let key = KEYS.get(name);
  if (key === undefined) KEYS.set(name, (key = `,"${name}":`));
  return key;
}

/** Written as it is: no quote, no backslash, nothing outside of ASCII. */
const PLAIN = /^[ !#-[\]-~]*$/;

function encodeMember(name: string, value: unknown): string {
  if (typeof value === 'string') return PLAIN.test(value) ? `"${value}"` : JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return `${value}`;
  if (value === null) return 'null';
  const written = value instanceof Date ? TIMES.get(name) : undefined;
  return written === undefined ? jsonCodec.encode(value) : encodeTime(value as Date, written);
}

function encodeTime(time: Date, written: Written): string {
  const ms = time.getTime();
  if (written.ms !== ms) {
    written.text = `"${time.toISOString()}"`;
    written.ms = ms;
  }
  return written.text;
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
  for (const name of TIMES.keys()) {
    const time = event[name];
    if (typeof time === 'string') event[name] = new Date(time);
  }
  return event as unknown as SagaEvent;
}
