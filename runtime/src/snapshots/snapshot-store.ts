import type { Event } from '../events/event.ts';
import type { StreamId } from '../events/stream-id.ts';
import type { EventStore } from '../event-store/event-store.ts';
import type { EventPage } from '../event-store/read.ts';
import type { Snapshot, SnapshotForm } from './snapshot.ts';

/** Which snapshot is wanted. */
export interface SnapshotWanted extends SnapshotForm {
  /** Not newer than this version. Default: the newest there is. */
  readonly upTo?: bigint | undefined;
}

/** How to read a snapshot with the events after it. */
export interface TailOptions<Tx = never> {
  readonly transaction?: Tx | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A snapshot and what happened since. */
export interface SnapshotWithTail<E extends Event = Event> {
  /** Undefined when there is none that fits; the tail is then the whole stream. */
  readonly snapshot: Snapshot | undefined;
  /** The events after the snapshot, up to `upTo`, in order. Can be read once. */
  readonly tail: AsyncIterable<EventPage<E>>;
}

/** Keeps snapshots. What it keeps may be lost at any time: it costs time, never truth. */
export interface SnapshotStore<Tx = never> {
  /**
   * The newest snapshot that fits, and the events after it. A store whose snapshots lie beside the events reads both in
   * one round trip; for any other, {@link latestWithTail} is the implementation.
   */
  readWithTail<E extends Event>(
    stream: StreamId,
    wanted: SnapshotWanted,
    events: EventStore<Tx>,
    options?: TailOptions<Tx>,
  ): Promise<SnapshotWithTail<E>>;

  /** The newest snapshot that fits. */
  latest(
    stream: StreamId,
    wanted: SnapshotWanted,
    options?: TailOptions<Tx>,
  ): Promise<Snapshot | undefined>;

  /**
   * Keeps a snapshot, unless a newer one of the same form is there; one of the same version is replaced.
   * @returns whether it was kept.
   */
  save(snapshot: Snapshot): Promise<boolean>;

  /** The snapshots of a stream, newest first, of whatever form. */
  list(stream: StreamId): Promise<readonly Snapshot[]>;

  /** Forgets all snapshots of a stream. */
  discard(stream: StreamId): Promise<void>;
}

/** {@link SnapshotStore.readWithTail} by two reads. For authors of stores. */
export async function latestWithTail<Tx, E extends Event>(
  store: Pick<SnapshotStore<Tx>, 'latest'>,
  stream: StreamId,
  wanted: SnapshotWanted,
  events: EventStore<Tx>,
  options: TailOptions<Tx> = {},
): Promise<SnapshotWithTail<E>> {
  const snapshot = await store.latest(stream, wanted, options);
  const from = snapshot === undefined ? undefined : snapshot.version + 1n;
  const tail = events.readStream<E>(stream, { ...options, from, to: wanted.upTo }).pages();
  return { snapshot, tail };
}
