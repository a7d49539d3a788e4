import { jsonCodec } from '../foundation/json.ts';
import type { JournalEntry, SagaEvent } from '../sagas/saga-event.ts';

/** The fields of saga events that are times; everything else is plain or the user's. */
const TIMES = ['at', 'deadlineAt', 'retryAt', 'until'] as const;

/**
 * The events of one commit as JSON text. Only what is the user's goes through the codec: everything else is text,
 * numbers and times, which JSON.stringify writes as they are read back here.
 * @throws PotterError `SERIALIZATION_FAILED` for a result or input that JSON cannot carry.
 */
export function encodeEvents(events: readonly SagaEvent[]): string {
  return `[${events.map(encodeEvent).join(',')}]`;
}

function encodeEvent(event: SagaEvent): string {
  if (event.type === 'SagaStarted' || event.type === 'InputEdited') {
    const { input, ...rest } = event;
    return withMember(JSON.stringify(rest), 'input', input);
  }
  if (event.type === 'AttemptCompleted' || event.type === 'StepOverridden') {
    const { result, ...rest } = event;
    return withMember(JSON.stringify(rest), 'result', result);
  }
  if (event.type === 'SignalReceived' || event.type === 'WaitEnded') {
    const { value, ...rest } = event;
    return withMember(JSON.stringify(rest), 'value', value);
  }
  return JSON.stringify(event);
}

function withMember(text: string, name: string, value: unknown): string {
  return value === undefined ? text : `${text.slice(0, -1)},"${name}":${jsonCodec.encode(value)}}`;
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
