import { PotterError } from '../errors/potter-error.ts';
import type { PreparedAppend } from './prepare-append.ts';

/** Where an id of a request was found. */
export interface FoundEventId {
  readonly id: string;
  readonly streamId: string;
  readonly version: bigint;
}

/**
 * Whether a request repeats one that succeeded: each write's ids are in its stream, one after the other, in order.
 * @returns false when none of the ids is known.
 * @throws PotterError `EVENT_ID_CONFLICT` for anything between. For store adapters.
 */
export function isRepeatedAppend(append: PreparedAppend, found: readonly FoundEventId[]): boolean {
  if (found.length === 0) return false;
  const byId = new Map(found.map((event) => [event.id, event]));
  const repeated = append.writes.every(({ stream, events }) => {
    const first = byId.get(events[0]?.id ?? '')?.version ?? 0n;
    return events.every(({ id }, index) => {
      const event = byId.get(id);
      return event?.streamId === stream && event.version === first + BigInt(index);
    });
  });
  if (repeated) return true;
  throw new PotterError('EVENT_ID_CONFLICT', {
    message: `Of the event ids of this append, ${found.length} are in the store already, but not as this same append.`,
    remedy: 'Repeat an append with exactly the events it had, or give new events new ids.',
    details: { found },
  });
}
