import type { StreamId } from '../events/stream-id.ts';
import type { Clock } from '../foundation/clock.ts';
import type { SnapshotForm } from '../snapshots/snapshot.ts';
import { takeSnapshot } from '../snapshots/snapshot.ts';
import type { SnapshotStore } from '../snapshots/snapshot-store.ts';
import type { SnapshotStrategy } from '../snapshots/snapshot-strategy.ts';
import type { StateSchema } from '../snapshots/state-schema.ts';
import type { LoadedState, SnapshotTrouble } from './state-loader.ts';

/** What taking snapshots needs. */
export interface SnapshotTakerOptions<State, Tx> {
  readonly store: SnapshotStore<Tx>;
  readonly strategy: SnapshotStrategy<State>;
  readonly schema: StateSchema<State>;
  readonly form: SnapshotForm;
  readonly clock: Clock;
  readonly onTrouble: (trouble: SnapshotTrouble, stream: StreamId, error: unknown) => void;
}

/** Takes snapshots beside the commands: nobody waits for one, and one that fails is only reported. */
export class SnapshotTaker<State, Tx> {
  readonly #options: SnapshotTakerOptions<State, Tx>;
  /** One at a time for a stream: while it is being saved, the next commands would all find it due again. */
  readonly #saving = new Map<StreamId, Promise<void>>();

  constructor(options: SnapshotTakerOptions<State, Tx>) {
    this.#options = options;
  }

  /**
   * Takes a snapshot of a committed state if its strategy says so, without waiting for it. Returns the state as it would
   * be loaded from the new snapshot; undefined when none was taken.
   */
  consider(stream: StreamId, loaded: LoadedState<State>): LoadedState<State> | undefined {
    const { store, strategy, schema, form, clock, onTrouble } = this.#options;
    const { state, version, snapshotVersion = 0n, since } = loaded;
    const eventsSince = version - snapshotVersion;
    if (since === undefined || eventsSince === 0n || this.#saving.has(stream)) return undefined;
    const now = clock.now();
    try {
      if (!strategy({ state, version, eventsSince, since, now })) return undefined;
      // Made now, not later: the state may be an object that the caller goes on to change.
      const snapshot = takeSnapshot(schema, {
        stream,
        version,
        shape: form.shape,
        takenAt: now,
        state,
      });
      const saving = store
        .save(snapshot)
        .then(() => undefined)
        .catch((error: unknown) => onTrouble('unsaved', stream, error))
        .finally(() => this.#saving.delete(stream));
      this.#saving.set(stream, saving);
      return { ...loaded, snapshotVersion: version, since: now };
    } catch (error) {
      onTrouble('unsaved', stream, error);
      return undefined;
    }
  }

  /** When nothing is being saved any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#saving.values());
  }
}
