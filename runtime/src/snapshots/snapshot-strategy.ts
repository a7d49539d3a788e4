import { PotterError } from '../errors/potter-error.ts';
import { type Duration, durationMs } from '../foundation/duration.ts';

/** What a strategy may look at. */
export interface SnapshotMoment<State = unknown> {
  readonly state: State;
  /** Version of the stream now. */
  readonly version: bigint;
  /** Events since the stored snapshot, or since the beginning where there is none. */
  readonly eventsSince: bigint;
  /** When the stored snapshot was taken; where there is none, when the stream's first event was recorded. */
  readonly since: Date;
  readonly now: Date;
}

/**
 * Whether it is time for a snapshot. Asked after events were appended, and after a load that had to replay some; never
 * with no event since the last snapshot. Any function will do: `({ state }) => state.status === 'closed'`.
 */
export type SnapshotStrategy<State = unknown> = (moment: SnapshotMoment<State>) => boolean;

/** Never. */
export const noSnapshots: SnapshotStrategy = () => false;

/**
 * When `count` events or more came since the stored snapshot. It is the distance that counts, not a multiple of
 * `count`: a batch that jumps over the multiple is noticed, and a snapshot that failed is taken next time.
 * @throws PotterError `INVALID_ARGUMENT` when `count` is not a whole number of at least 1.
 */
export function everyEvents(count: number): SnapshotStrategy {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new PotterError('INVALID_ARGUMENT', {
      message: `A snapshot every ${count} events is not possible.`,
      remedy: 'Use a whole number of at least 1; 100 is a good start.',
      details: { count },
    });
  }
  const threshold = BigInt(count);
  return ({ eventsSince }) => eventsSince >= threshold;
}

/** When the stored snapshot of the stream is as old as `interval`, and something has happened since. */
export function everyInterval(interval: Duration): SnapshotStrategy {
  const intervalMs = durationMs(interval);
  return ({ now, since }) => now.getTime() - since.getTime() >= intervalMs;
}

/** When any of several strategies says so: `anyOf(everyEvents(500), everyInterval('1h'))`. */
export function anyOf<State = unknown>(
  ...strategies: readonly SnapshotStrategy<State>[]
): SnapshotStrategy<State> {
  return (moment) => strategies.some((strategy) => strategy(moment));
}
