import type { StreamId } from '../events/stream-id.ts';
import type { LoadedState } from './state-loader.ts';

/** A state together with the event that proves it: positions are drawn once, so no other history has this one. */
export interface Baseline<State> extends LoadedState<State> {
  readonly position: bigint;
}

/** Streams whose states are kept, at most. Enough for those that everybody writes; others are loaded anyway. */
const MOST = 256;

/**
 * States of streams that commands in transactions wrote or read last. Each may have been rolled back or overtaken since:
 * a load only starts from one when its last event is still where it was. Without them, every command of a busy stream
 * would replay it.
 */
export class Baselines<State> {
  /** The one used last comes last. */
  readonly #states = new Map<StreamId, Baseline<State>>();

  get(stream: StreamId): Baseline<State> | undefined {
    return this.#states.get(stream);
  }

  set(stream: StreamId, loaded: LoadedState<State>): void {
    const { position } = loaded;
    if (position === undefined) return;
    const known = this.#states.get(stream);
    this.#states.delete(stream);
    this.#states.set(stream, withLatestSnapshot({ ...loaded, position }, known));
    if (this.#states.size <= MOST) return;
    for (const oldest of this.#states.keys()) {
      this.#states.delete(oldest);
      return;
    }
  }

  /** Takes over which snapshot there is by now, whatever has been appended since. */
  noteSnapshot(stream: StreamId, committed: LoadedState<State>): void {
    const known = this.#states.get(stream);
    if (known !== undefined) this.#states.set(stream, withLatestSnapshot(known, committed));
  }
}

/** A snapshot that somebody else has heard of meanwhile is not forgotten, lest it is taken again. */
function withLatestSnapshot<State>(
  baseline: Baseline<State>,
  other: LoadedState<State> | undefined,
): Baseline<State> {
  const { snapshotVersion, since } = other ?? baseline;
  if ((snapshotVersion ?? 0n) <= (baseline.snapshotVersion ?? 0n)) return baseline;
  return { ...baseline, snapshotVersion, since };
}
