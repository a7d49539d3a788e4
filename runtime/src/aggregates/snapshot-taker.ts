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
  readonly #reloading = new Map<StreamId, Promise<void>>();

  constructor(options: SnapshotTakerOptions<State, Tx>) {
    this.#options = options;
  }

  /**
   * Takes a snapshot of a committed state if its strategy says so, without waiting for it. Returns the state as it would
   * be loaded from the new snapshot; undefined when none was taken.
   */
  consider(stream: StreamId, loaded: LoadedState<State>): LoadedState<State> | undefined {
    const { store, schema, form, clock, onTrouble } = this.#options;
    const { state, version } = loaded;
    if (this.#saving.has(stream)) return undefined;
    const now = clock.now();
    try {
      if (!this.#isDue(loaded, now)) return undefined;
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

  /**
   * The same for a state that was read in somebody's transaction, and may never be committed: if a snapshot is due, the
   * committed state is loaded beside the transaction, and that is what a snapshot is taken of.
   */
  considerCommitted(
    stream: StreamId,
    seen: LoadedState<State>,
    loadCommitted: () => Promise<LoadedState<State>>,
  ): void {
    const { clock, onTrouble } = this.#options;
    if (this.#reloading.has(stream) || this.#saving.has(stream)) return;
    const reload = async (): Promise<void> => {
      try {
        if (this.#isDue(seen, clock.now())) this.consider(stream, await loadCommitted());
      } catch (error) {
        onTrouble('unsaved', stream, error);
      }
    };
    this.#reloading.set(
      stream,
      reload().finally(() => this.#reloading.delete(stream)),
    );
  }

  /** When nothing is being saved any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#reloading.values());
    await Promise.all(this.#saving.values());
  }

  #isDue(loaded: LoadedState<State>, now: Date): boolean {
    const { state, version, snapshotVersion = 0n, since } = loaded;
    const eventsSince = version - snapshotVersion;
    if (since === undefined || eventsSince === 0n) return false;
    return this.#options.strategy({ state, version, eventsSince, since, now });
  }
}
