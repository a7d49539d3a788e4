import { PotterError } from '../errors/potter-error.ts';
import type { Event } from '../events/event.ts';
import type { StreamId } from '../events/stream-id.ts';
import type { EventPage } from '../event-store/read.ts';
import type { Snapshot, SnapshotForm } from '../snapshots/snapshot.ts';
import { stateIn } from '../snapshots/snapshot.ts';
import { stateShape } from '../snapshots/state-schema.ts';
import type { AggregateDefinition } from './aggregate-definition.ts';
import type { Baseline } from './baselines.ts';
import type { LoadOptions, Loaded, RepositoryOptions } from './repository-options.ts';

/** A loaded state, with what a snapshot strategy asks about it. */
export interface LoadedState<State> extends Loaded<State> {
  /** When the snapshot was taken, or else the first event recorded. Undefined for an empty stream. */
  readonly since: Date | undefined;
  /** Of the last event; undefined for an empty stream, or when only a snapshot was read. */
  readonly position: bigint | undefined;
}

/** Why a snapshot was not used, or not taken. */
export type SnapshotTrouble = 'damaged' | 'unreadable' | 'unsaved';

/** What a loader needs. */
export interface StateLoaderOptions<State, Tx> {
  readonly eventStore: RepositoryOptions<State, Tx>['eventStore'];
  readonly snapshots: NonNullable<RepositoryOptions<State, Tx>['snapshots']>['store'] | undefined;
  readonly onTrouble: (trouble: SnapshotTrouble, stream: StreamId, error: unknown) => void;
}

/** Loads states: a snapshot where there is one that can be used, and the events after it. */
export class StateLoader<State, E extends Event, Command, Tx> {
  readonly #definition: AggregateDefinition<State, E, Command>;
  readonly #options: StateLoaderOptions<State, Tx>;
  /** The form of snapshots this program writes and reads; undefined when it uses none. */
  readonly form: SnapshotForm | undefined;

  constructor(
    definition: AggregateDefinition<State, E, Command>,
    options: StateLoaderOptions<State, Tx>,
  ) {
    this.#definition = definition;
    this.#options = options;
    if (options.snapshots === undefined) return;
    const schema = definition.snapshot;
    if (schema === undefined) throw withoutSchema(definition.type);
    this.form = { schemaVersion: schema.version, shape: stateShape(schema, definition.initial()) };
  }

  async load(stream: StreamId, options: LoadOptions<Tx>): Promise<LoadedState<State>> {
    const { version: to, at: asOf, transaction, signal } = options;
    const useSnapshots = options.snapshots !== false && asOf === undefined;
    const fromSnapshot = useSnapshots ? await this.#fromSnapshot(stream, options) : undefined;
    if (fromSnapshot !== undefined) return fromSnapshot;
    const events = this.#options.eventStore.readStream<E>(stream, {
      to,
      asOf,
      transaction,
      signal,
    });
    return this.#replay(events.pages(), undefined);
  }

  /** The present state: the baseline and what came after it, or as {@link load} has it when the baseline proves false. */
  async loadSince(
    stream: StreamId,
    baseline: Baseline<State> | undefined,
    options: Pick<LoadOptions<Tx>, 'transaction' | 'signal'>,
  ): Promise<LoadedState<State>> {
    if (baseline === undefined) return this.load(stream, options);
    const { eventStore } = this.#options;
    const events = eventStore.readStream<E>(stream, { ...options, from: baseline.version });
    let loaded: LoadedState<State> | undefined;
    for await (const page of events.pages()) {
      if (loaded === undefined) {
        const [last] = page.events;
        // An upcaster may have taken it away, too.
        if (last?.version !== baseline.version || last.position !== baseline.position) break;
        loaded = { ...baseline, eventsRead: 0 };
      }
      const news = page.events.filter(({ version }) => version > baseline.version);
      loaded = {
        ...loaded,
        state: news.reduce((state, event) => this.#definition.evolve(state, event), loaded.state),
        version: page.lastVersion,
        position: page.lastPosition,
        eventsRead: loaded.eventsRead + news.length,
      };
    }
    return loaded ?? this.load(stream, options);
  }

  /** Undefined when the stream has to be replayed from the beginning, with a read of its own. */
  async #fromSnapshot(
    stream: StreamId,
    { version: upTo, transaction, signal }: LoadOptions<Tx>,
  ): Promise<LoadedState<State> | undefined> {
    const { snapshots, eventStore } = this.#options;
    const schema = this.#definition.snapshot;
    if (snapshots === undefined || schema === undefined || this.form === undefined)
      return undefined;
    let read;
    try {
      const wanted = { ...this.form, upTo };
      read = await snapshots.readWithTail<E>(stream, wanted, eventStore, { transaction, signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      this.#options.onTrouble('unreadable', stream, error);
      return undefined;
    }
    const { snapshot, tail } = read;
    if (snapshot === undefined) return this.#replay(tail, undefined);
    let state: State;
    try {
      state = stateIn(schema, snapshot);
    } catch (error) {
      this.#options.onTrouble('damaged', stream, error);
      return undefined;
    }
    return this.#replay(tail, { snapshot, state });
  }

  async #replay(
    pages: AsyncIterable<EventPage<E>>,
    start: { readonly snapshot: Snapshot; readonly state: State } | undefined,
  ): Promise<LoadedState<State>> {
    const { initial, evolve } = this.#definition;
    let state = start === undefined ? initial() : start.state;
    let version = start?.snapshot.version ?? 0n;
    let since = start?.snapshot.takenAt;
    let eventsRead = 0;
    let position: bigint | undefined;
    for await (const page of pages) {
      for (const event of page.events) {
        state = evolve(state, event);
        since ??= event.recordedAt;
      }
      version = page.lastVersion;
      position = page.lastPosition;
      eventsRead += page.events.length;
    }
    const snapshotVersion = start?.snapshot.version;
    return { state, version, snapshotVersion, eventsRead, since, position };
  }
}

function withoutSchema(type: string): PotterError {
  return new PotterError('INVALID_CONFIGURATION', {
    message: `The repository of '${type}' was given a snapshot store, but the aggregate does not say how a snapshot holds it.`,
    remedy:
      "Add 'snapshot: { version, toJson, fromJson }' to the aggregate, or leave the store out.",
    details: { type },
  });
}
