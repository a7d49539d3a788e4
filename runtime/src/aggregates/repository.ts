import { AsyncLocalStorage } from 'node:async_hooks';
import type { Event, EventMetadata } from '../events/event.ts';
import { traceContextOf } from '../events/caused-by.ts';
import { streamId, type StreamId } from '../events/stream-id.ts';
import type { StreamAppendResult } from '../event-store/append.ts';
import { ConcurrencyConflictError } from '../event-store/concurrency-conflict-error.ts';
import { isExpected } from '../event-store/expected-version.ts';
import { exponentialBackoff, nextDelayMs, type RetryPolicy } from '../foundation/backoff.ts';
import { type Clock, systemClock } from '../foundation/clock.ts';
import type { JsonValue } from '../foundation/json.ts';
import { type Logger, silentLogger } from '../foundation/logger.ts';
import { sleep, throwIfAborted } from '../foundation/sleep.ts';
import { currentCorrelation } from '../observability/correlation.ts';
import { noopMeter } from '../observability/meter.ts';
import { noopTracer, type Span, type Tracer } from '../observability/tracer.ts';
import { everyEvents } from '../snapshots/snapshot-strategy.ts';
import type { AggregateDefinition, Decided } from './aggregate-definition.ts';
import { repositoryMetrics, type RepositoryMetrics } from './repository-metrics.ts';
import type {
  Handled,
  HandleOptions,
  Loaded,
  LoadOptions,
  RepositoryOptions,
} from './repository-options.ts';
import { SnapshotTaker } from './snapshot-taker.ts';
import { type LoadedState, StateLoader, type SnapshotTrouble } from './state-loader.ts';
import { StreamQueue } from './stream-queue.ts';

/** Three retries: conflicts come from other processes only, and each retry meets a fresh state. */
const DEFAULT_RETRY: RetryPolicy = exponentialBackoff({
  maxAttempts: 4,
  initialDelay: '10ms',
  maxDelay: '1s',
  jitter: 'full',
});

/**
 * Set while a command is handled. A command that handles another one, against the advice, must not wait in a queue its
 * own caller holds: it goes past, and one of the two conflicts and is retried.
 */
const handling = new AsyncLocalStorage<true>();

/**
 * The aggregates of one definition, decider or class: loads, decides, appends.
 *
 * Commands for one aggregate within one process take turns; between processes the version decides, and the loser loads
 * and decides again. Made by {@link repository}.
 */
export class Repository<State, E extends Event, Command, Tx = never> {
  readonly #definition: AggregateDefinition<State, E, Command>;
  readonly #options: RepositoryOptions<State, Tx>;
  readonly #loader: StateLoader<State, E, Command, Tx>;
  readonly #snapshots: SnapshotTaker<State, Tx> | undefined;
  readonly #queue: StreamQueue<LoadedState<State>>;
  readonly #retry: RetryPolicy;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #tracer: Tracer;
  readonly #metrics: RepositoryMetrics;

  constructor(
    definition: AggregateDefinition<State, E, Command>,
    options: RepositoryOptions<State, Tx>,
  ) {
    this.#definition = definition;
    this.#options = options;
    this.#retry = options.retry ?? DEFAULT_RETRY;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#tracer = options.tracer ?? noopTracer;
    this.#metrics = repositoryMetrics(options.meter ?? noopMeter, definition.type);
    this.#queue = new StreamQueue(options.maxWaiting ?? 10_000);
    const onTrouble = this.#onSnapshotTrouble.bind(this);
    const { eventStore, snapshots } = options;
    this.#loader = new StateLoader(definition, {
      eventStore,
      snapshots: snapshots?.store,
      onTrouble,
    });
    const { form } = this.#loader;
    if (snapshots === undefined || definition.snapshot === undefined || form === undefined) return;
    const { store, strategy = everyEvents(100) } = snapshots;
    const schema = definition.snapshot;
    this.#snapshots = new SnapshotTaker({
      store,
      strategy,
      schema,
      form,
      clock: this.#clock,
      onTrouble,
    });
  }

  /** The stream that holds the aggregate with this id. */
  streamOf(id: string): StreamId {
    return streamId(this.#definition.type, id);
  }

  /**
   * Loads the aggregate, runs the command, appends what it decided, all or nothing. Passes on what the command throws.
   * @throws ConcurrencyConflictError `CONCURRENCY_CONFLICT` when the stream is not at `expected`, or when other
   * processes won as often as the retry policy allows.
   * @throws PotterError `OVERLOADED` when too many commands wait for this aggregate.
   */
  async handle(
    id: string,
    command: Command,
    options: HandleOptions<Tx> = {},
  ): Promise<Handled<State, E>> {
    const stream = this.streamOf(id);
    const metadata: EventMetadata = definedOnly({ ...currentCorrelation(), ...options.metadata });
    const spanOptions = {
      attributes: { 'potter.aggregate': this.#definition.type, 'potter.stream': stream },
      // A trace that is running here is nearer than the one the message brought.
      parent: this.#tracer.current() === undefined ? traceContextOf(metadata) : undefined,
    };
    const startedMs = performance.now();
    const attempts = (span: Span, warm?: Warm<State>): Promise<Handled<State, E>> =>
      handling.run(true, () =>
        this.#attempts(stream, command, {
          ...options,
          metadata: { ...metadata, ...span.context() },
          warm,
        }),
      );
    return this.#tracer.span(`handle ${this.#definition.type}`, spanOptions, async (span) => {
      try {
        if (options.transaction !== undefined || handling.getStore()) return await attempts(span);
        return await this.#queue.run(stream, options.signal, (state, leave) =>
          attempts(span, { state, leave }),
        );
      } finally {
        this.#metrics.handled((performance.now() - startedMs) / 1_000);
      }
    });
  }

  /** The state of an aggregate, now or then. An aggregate without events has version 0n and the initial state. */
  async load(id: string, options: LoadOptions<Tx> = {}): Promise<Loaded<State>> {
    const stream = this.streamOf(id);
    const loaded = await this.#loader.load(stream, options);
    const isPast = options.version !== undefined || options.at !== undefined;
    const mayTake = options.snapshots !== false && options.transaction === undefined;
    if (!isPast && mayTake) this.#snapshots?.consider(stream, loaded);
    const { state, version, snapshotVersion, eventsRead } = loaded;
    return { state, version, snapshotVersion, eventsRead };
  }

  /** Waits for snapshots that are being saved. The repository can be used afterwards; there is nothing else to close. */
  async close(): Promise<void> {
    await this.#snapshots?.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #attempts(
    stream: StreamId,
    command: Command,
    options: AttemptOptions<State, Tx>,
  ): Promise<Handled<State, E>> {
    const { warm, signal, expected = 'any' } = options;
    const startedMs = this.#clock.now().getTime();
    let usable = warm?.state;
    let previousDelayMs: number | undefined;
    for (let attempt = 1; ;) {
      throwIfAborted(signal);
      const isWarm = usable !== undefined;
      const before =
        usable ?? (await this.#loader.load(stream, { transaction: options.transaction, signal }));
      usable = undefined;
      try {
        const handled = await this.#attempt(stream, command, before, isWarm, options);
        // A state left by a predecessor proves nothing until an append has confirmed its version: look again.
        if (handled === undefined) continue;
        return handled;
      } catch (error) {
        if (!(error instanceof ConcurrencyConflictError) || error.stream !== stream) throw error;
        this.#metrics.conflicted();
        if (!isExpected(expected, error.actual)) {
          throw new ConcurrencyConflictError(stream, expected, error.actual);
        }
        if (isWarm) continue;
        const elapsedMs = this.#clock.now().getTime() - startedMs;
        const delayMs = nextDelayMs(this.#retry, {
          attempt,
          elapsedMs,
          ...(previousDelayMs !== undefined && { previousDelayMs }),
        });
        if (delayMs === undefined) throw error;
        attempt += 1;
        previousDelayMs = delayMs;
        await sleep(delayMs, { clock: this.#clock, signal });
      }
    }
  }

  /** One go. Undefined when `before` was only believed, and nothing was written that would prove it. */
  async #attempt(
    stream: StreamId,
    command: Command,
    before: LoadedState<State>,
    isWarm: boolean,
    options: AttemptOptions<State, Tx>,
  ): Promise<Handled<State, E> | undefined> {
    const { expected = 'any', metadata, transaction, warm } = options;
    if (!isExpected(expected, before.version)) {
      if (isWarm) return undefined;
      throw new ConcurrencyConflictError(stream, expected, before.version);
    }
    let decided: Decided<State, E>;
    try {
      decided = await this.#definition.decide(before.state, command);
    } catch (error) {
      if (isWarm) return undefined;
      throw error;
    }
    if (decided.events.length === 0) {
      return isWarm ? undefined : { state: decided.state, version: before.version, events: [] };
    }
    const appended = await this.#options.eventStore.appendToStream<E>(stream, decided.events, {
      expected: before.version,
      metadata,
      transaction,
    });
    if (appended.alreadyAppended) return this.#repeated(stream, appended, options);
    const after: LoadedState<State> = {
      ...before,
      state: decided.state,
      version: appended.version,
      since: before.since ?? appended.events[0]?.recordedAt,
    };
    const isCommitted = transaction === undefined;
    const since = (isCommitted && this.#snapshots?.consider(stream, after)) || after;
    if (!this.#definition.mutable) warm?.leave(since);
    return { state: after.state, version: after.version, events: appended.events };
  }

  /** The events were there already, under the ids the command gave them: the stream says what the state is. */
  async #repeated(
    stream: StreamId,
    appended: StreamAppendResult<E>,
    { transaction, signal }: AttemptOptions<State, Tx>,
  ): Promise<Handled<State, E>> {
    const { state, version } = await this.#loader.load(stream, { transaction, signal });
    return { state, version, events: appended.events };
  }

  #onSnapshotTrouble(trouble: SnapshotTrouble, stream: StreamId, error: unknown): void {
    this.#metrics.snapshotTrouble(trouble);
    const consequence =
      trouble === 'unsaved' ? 'loads take longer' : 'the stream is replayed from its beginning';
    this.#logger.warn(`A snapshot is ${trouble}; ${consequence}.`, { stream, trouble, error });
  }
}

/** What the predecessor in the queue left, and how to leave something for the successor. */
interface Warm<State> {
  readonly state: LoadedState<State> | undefined;
  readonly leave: (state: LoadedState<State>) => void;
}

interface AttemptOptions<State, Tx> extends HandleOptions<Tx> {
  readonly warm?: Warm<State> | undefined;
}

/** JSON has no undefined, and metadata is JSON. */
function definedOnly(metadata: Readonly<Record<string, JsonValue | undefined>>): EventMetadata {
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined));
}

/**
 * The aggregates of a definition on an event store: `repository(bankAccount, { eventStore })`.
 * @throws PotterError `INVALID_CONFIGURATION` when snapshots are asked for and the definition cannot be snapshotted.
 */
export function repository<State, E extends Event, Command, Tx = never>(
  definition: AggregateDefinition<State, E, Command>,
  options: RepositoryOptions<State, Tx>,
): Repository<State, E, Command, Tx> {
  return new Repository(definition, options);
}
