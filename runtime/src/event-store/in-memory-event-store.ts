import type { Event, NewEvent } from '../events/event.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { StreamId } from '../events/stream-id.ts';
import { noUpcasters, type UpcasterChain } from '../events/upcaster-chain.ts';
import { type Clock, systemClock } from '../foundation/clock.ts';
import { jsonCodec, type JsonCodec } from '../foundation/json.ts';
import { throwIfAborted } from '../foundation/sleep.ts';
import { correlationReader } from '../observability/correlation.ts';
import { noopTracer, type Tracer } from '../observability/tracer.ts';
import type { AppendOptions, AppendRequest, AppendResult, StreamAppendResult } from './append.ts';
import { ConcurrencyConflictError } from './concurrency-conflict-error.ts';
import { isRepeatedAppend } from './event-id-conflict.ts';
import type { EventStore } from './event-store.ts';
import { type ExpectedVersion, isExpected } from './expected-version.ts';
import { prepareAppend, type PreparedAppend, recordedForm } from './prepare-append.ts';
import {
  type EventFilter,
  type EventPage,
  eventRead,
  type EventRead,
  type ReadOptions,
  type ReadStreamOptions,
  type ReadWalk,
} from './read.ts';
import type { EventBatch, SubscribeOptions } from './subscription.ts';

/** How an {@link InMemoryEventStore} differs from the usual. */
export interface InMemoryEventStoreOptions {
  /** Default: every event as it was stored. */
  readonly upcasters?: UpcasterChain;
  readonly codec?: JsonCodec;
  /** Gives `recordedAt`; default the system's. */
  readonly clock?: Clock;
  /** Its current trace goes into the metadata of appended events. */
  readonly tracer?: Tracer;
  /** Position of the first event; default 1n. A test of large positions sets it. */
  readonly firstPosition?: bigint;
}

/** A stored event: the payload stays text, so that nobody can change it and every read goes through the codec. */
interface StoredEvent extends Omit<RecordedEvent, 'data' | 'metadata'> {
  readonly data: string;
  readonly metadata: string;
}

/**
 * Events in memory, with the behaviour of the stores that last: payloads pass through the codec, a write is seen only
 * after its promise settles or later, and a subscription hears of it in its own time. For tests and first steps.
 */
export class InMemoryEventStore implements EventStore {
  readonly #codec: JsonCodec;
  readonly #upcasters: UpcasterChain;
  readonly #clock: Clock;
  readonly #tracer: Tracer;
  readonly #correlation = correlationReader();
  readonly #firstPosition: bigint;
  readonly #events: StoredEvent[] = [];
  readonly #streams = new Map<string, StoredEvent[]>();
  readonly #ids = new Map<string, StoredEvent>();
  readonly #wakeUps = new Set<() => void>();

  constructor(options: InMemoryEventStoreOptions = {}) {
    this.#codec = options.codec ?? jsonCodec;
    this.#upcasters = options.upcasters ?? noUpcasters;
    this.#clock = options.clock ?? systemClock;
    this.#tracer = options.tracer ?? noopTracer;
    this.#firstPosition = options.firstPosition ?? 1n;
  }

  async append<E extends Event>(
    request: AppendRequest<E>,
    options: AppendOptions = {},
  ): Promise<AppendResult<E>> {
    const prepared = prepareAppend(request, {
      codec: this.#codec,
      upcasters: this.#upcasters,
      metadata: options.metadata,
      correlation: this.#correlation(),
      trace: this.#tracer.current(),
    });
    // Appends that are made together are decided in later turns, as they would be on the way to a server.
    await nextTurn();
    const streams = this.#repeated(prepared) ?? this.#write(prepared);
    await nextTurn();
    // The events went in as E and come out with what the store added.
    return resultOf(streams as readonly StreamAppendResult<E>[]);
  }

  async appendToStream<E extends Event>(
    stream: StreamId,
    events: readonly NewEvent<E>[],
    options: AppendOptions & { readonly expected?: ExpectedVersion } = {},
  ): Promise<StreamAppendResult<E>> {
    const { expected = 'any', ...rest } = options;
    const { streams } = await this.append({ writes: [{ stream, expected, events }] }, rest);
    return streams[0] as StreamAppendResult<E>;
  }

  /** There are no transactions here, and `never` says so. */
  async lockStream(_stream: StreamId, _options: { readonly transaction: never }): Promise<void> {}

  readStream<E extends Event = Event>(
    stream: StreamId,
    options: ReadStreamOptions = {},
  ): EventRead<E> {
    const { from = 1n, to, asOf } = options;
    const wanted = (event: StoredEvent): boolean =>
      event.version >= from &&
      (to === undefined || event.version <= to) &&
      (asOf === undefined || event.recordedAt <= asOf);
    return eventRead(() =>
      this.#pages<E>(() => this.#streams.get(stream) ?? [], wanted, options, undefined),
    );
  }

  read<E extends Event = Event>(options: ReadOptions = {}): EventRead<E> {
    const { after = 0n, upTo, from, to } = options;
    const matches = this.#matcher(options);
    const wanted = (event: StoredEvent): boolean =>
      event.position > after &&
      (upTo === undefined || event.position <= upTo) &&
      (from === undefined || event.recordedAt >= from) &&
      (to === undefined || event.recordedAt <= to) &&
      matches(event);
    return eventRead(() => this.#pages<E>(() => this.#events, wanted, options, options.types));
  }

  async *subscribe<E extends Event = Event>(
    options: SubscribeOptions = {},
  ): AsyncGenerator<EventBatch<E>> {
    const { signal, batchSize = 500, filter = {} } = options;
    const matches = this.#matcher(filter);
    let position = options.after ?? 0n;
    let reported = false;
    for (;;) {
      if (signal?.aborted) return;
      const rest = this.#events.slice(this.#indexAfter(position));
      const batch = rest.slice(0, batchSize);
      const last = batch.at(-1);
      const caughtUp = rest.length === batch.length;
      if (last !== undefined || !reported) {
        position = last?.position ?? position;
        reported = caughtUp;
        const events = batch
          .filter(matches)
          .flatMap((event) => this.#recall<E>(event, filter.types));
        yield { events, position, caughtUp };
      }
      const more = this.#indexAfter(position) < this.#events.length;
      if (!more && !signal?.aborted) await this.#nextAppend(signal);
    }
  }

  #write(append: PreparedAppend): readonly StreamAppendResult[] {
    for (const { stream, expected } of [...append.writes, ...append.checks]) {
      const actual = BigInt(this.#streams.get(stream)?.length ?? 0);
      if (!isExpected(expected, actual))
        throw new ConcurrencyConflictError(stream, expected, actual);
    }
    const recordedAt = this.#clock.now();
    const streams = append.writes.map((write): StreamAppendResult => {
      const stored = this.#streams.get(write.stream) ?? [];
      this.#streams.set(write.stream, stored);
      const events = write.events.map((event) => {
        const position = this.#firstPosition + BigInt(this.#events.length);
        const recorded = recordedForm(write, event, {
          version: BigInt(stored.length + 1),
          position,
          recordedAt,
        });
        const kept: StoredEvent = {
          ...recorded,
          data: event.data,
          metadata: event.metadata,
          tags: [...event.tags],
        };
        stored.push(kept);
        this.#events.push(kept);
        this.#ids.set(event.id, kept);
        return recorded;
      });
      return streamResult(write.stream, events, false);
    });
    // Subscribers hear of it in a turn of their own, never inside the writer's.
    setImmediate(() => {
      for (const wake of this.#wakeUps) wake();
    });
    return streams;
  }

  #repeated(append: PreparedAppend): readonly StreamAppendResult[] | undefined {
    const found = append.writes
      .flatMap(({ events }) => events)
      .flatMap(({ id, idGiven }) => (idGiven ? (this.#ids.get(id) ?? []) : []));
    if (!isRepeatedAppend(append, found)) return undefined;
    return append.writes.map(({ stream, events }) => {
      const stored = events.flatMap(({ id }) => this.#ids.get(id) ?? []);
      return streamResult(
        stream,
        stored.map((event) => this.#decode(event)),
        true,
      );
    });
  }

  async *#pages<E extends Event>(
    source: () => readonly StoredEvent[],
    wanted: (event: StoredEvent) => boolean,
    walk: ReadWalk,
    types: readonly string[] | undefined,
  ): AsyncGenerator<EventPage<E>> {
    const {
      direction = 'forwards',
      limit = Number.POSITIVE_INFINITY,
      pageSize = 1_000,
      signal,
    } = walk;
    throwIfAborted(signal);
    const found = source().filter(wanted);
    const ordered = (direction === 'forwards' ? found : found.reverse()).slice(0, limit);
    for (let start = 0; start < ordered.length; start += pageSize) {
      await nextTurn();
      throwIfAborted(signal);
      const page = ordered.slice(start, start + pageSize);
      const last = page.at(-1);
      if (last === undefined) return;
      const events = page.flatMap((event) => this.#recall<E>(event, types));
      yield { events, lastVersion: last.version, lastPosition: last.position };
    }
  }

  #matcher({ category, types, tags = [] }: EventFilter): (event: StoredEvent) => boolean {
    const stored = types === undefined ? undefined : new Set(this.#upcasters.storedTypes(types));
    return (event) =>
      (category === undefined || event.category === category) &&
      (stored === undefined || stored.has(event.type)) &&
      tags.every((tag) => event.tags.includes(tag));
  }

  #indexAfter(position: bigint): number {
    return position < this.#firstPosition ? 0 : Number(position - this.#firstPosition) + 1;
  }

  #nextAppend(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wakeUps.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#wakeUps.add(wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  #decode(event: StoredEvent): RecordedEvent {
    return {
      ...event,
      data: this.#codec.decode(event.data),
      metadata: this.#codec.decode(event.metadata) as RecordedEvent['metadata'],
      recordedAt: new Date(event.recordedAt),
    };
  }

  #recall<E extends Event>(
    event: StoredEvent,
    types: readonly string[] | undefined,
  ): readonly RecordedEvent<E>[] {
    const current = this.#upcasters.apply(this.#decode(event));
    const kept = types === undefined ? current : current.filter(({ type }) => types.includes(type));
    // The reader names the union it expects of the stream; the store cannot check payloads.
    return kept as readonly RecordedEvent<E>[];
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function streamResult(
  stream: StreamId,
  events: readonly RecordedEvent[],
  alreadyAppended: boolean,
): StreamAppendResult {
  const last = events.at(-1);
  return {
    stream,
    version: last?.version ?? 0n,
    lastPosition: last?.position ?? 0n,
    events,
    alreadyAppended,
  };
}

function resultOf<E extends Event>(streams: readonly StreamAppendResult<E>[]): AppendResult<E> {
  const lastPosition = streams.reduce(
    (last, stream) => (stream.lastPosition > last ? stream.lastPosition : last),
    0n,
  );
  return { streams, lastPosition };
}
