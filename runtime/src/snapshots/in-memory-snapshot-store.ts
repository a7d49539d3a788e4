import type { Event } from '../events/event.ts';
import type { StreamId } from '../events/stream-id.ts';
import type { EventStore } from '../event-store/event-store.ts';
import { snapshotsKept } from './retention.ts';
import type { Snapshot } from './snapshot.ts';
import {
  latestWithTail,
  type SnapshotStore,
  type SnapshotWanted,
  type SnapshotWithTail,
  type TailOptions,
} from './snapshot-store.ts';

/** Snapshots in memory, with the behaviour of the stores that last. For tests and first steps. */
export class InMemorySnapshotStore implements SnapshotStore {
  readonly #keep: number;
  /** Per stream, newest first. */
  readonly #streams = new Map<StreamId, readonly Snapshot[]>();

  /** @param options.keep how many snapshots of a stream are kept; default 3. */
  constructor(options: { readonly keep?: number } = {}) {
    this.#keep = snapshotsKept(options.keep);
  }

  readWithTail<E extends Event>(
    stream: StreamId,
    wanted: SnapshotWanted,
    events: EventStore,
    options: TailOptions = {},
  ): Promise<SnapshotWithTail<E>> {
    return latestWithTail(this, stream, wanted, events, options);
  }

  async latest(stream: StreamId, wanted: SnapshotWanted): Promise<Snapshot | undefined> {
    const { upTo } = wanted;
    return this.#of(stream).find(
      (snapshot) => hasForm(snapshot, wanted) && (upTo === undefined || snapshot.version <= upTo),
    );
  }

  async save(snapshot: Snapshot): Promise<boolean> {
    const { stream, version } = snapshot;
    const kept = this.#of(stream);
    if (kept.some((other) => hasForm(other, snapshot) && other.version > version)) return false;
    // The new one stays whatever its version: among snapshots of another form it may be the oldest.
    const others = kept.filter((other) => other.version !== version).slice(0, this.#keep - 1);
    const newestFirst = [snapshot, ...others].toSorted((a, b) => (a.version < b.version ? 1 : -1));
    this.#streams.set(stream, newestFirst);
    return true;
  }

  async list(stream: StreamId): Promise<readonly Snapshot[]> {
    return this.#of(stream);
  }

  async discard(stream: StreamId): Promise<void> {
    this.#streams.delete(stream);
  }

  #of(stream: StreamId): readonly Snapshot[] {
    return this.#streams.get(stream) ?? [];
  }
}

function hasForm(snapshot: Snapshot, form: Pick<Snapshot, 'schemaVersion' | 'shape'>): boolean {
  return snapshot.schemaVersion === form.schemaVersion && snapshot.shape === form.shape;
}
