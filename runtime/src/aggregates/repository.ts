import { AsyncResource } from 'node:async_hooks';
import type { Event, EventMetadata } from '../events/event.ts';
import { traceContextOf } from '../events/caused-by.ts';
import { streamId, type StreamId } from '../events/stream-id.ts';
import { ConcurrencyConflictError } from '../event-store/concurrency-conflict-error.ts';
import { exponentialBackoff, nextDelayMs, type RetryPolicy } from '../foundation/backoff.ts';
import { type Clock, systemClock } from '../foundation/clock.ts';
import type { JsonValue } from '../foundation/json.ts';
import { type Logger, silentLogger } from '../foundation/logger.ts';
import { sleep, throwIfAborted } from '../foundation/sleep.ts';
import { correlationReader } from '../observability/correlation.ts';
import { noopMeter } from '../observability/meter.ts';
import { noopTracer, type Span, type Tracer } from '../observability/tracer.ts';
import { everyEvents } from '../snapshots/snapshot-strategy.ts';
import type { AggregateDefinition } from './aggregate-definition.ts';
import { Baselines } from './baselines.ts';
import { type CommandJob, isInsideCommand } from './command-job.ts';
import {
  decideTogether,
  isFaultOfOne,
  retriesExhausted,
  settle,
  stillExpected,
} from './command-batch.ts';
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
import { type Done, StreamQueue } from './stream-queue.ts';
import { shareOf, type TransactionShare } from './transaction-share.ts';

/** Three retries: conflicts come from other processes only, and each retry meets a fresh state. */
const DEFAULT_RETRY: RetryPolicy = exponentialBackoff({
  maxAttempts: 4,
  initialDelay: '10ms',
  maxDelay: '1s',
  jitter: 'full',
});

/** Commands of one aggregate that are appended together when they wait at the same time. */
const MAX_TOGETHER = 100;

/**
 * The aggregates of one definition, decider or class: loads, decides, appends.
 *
 * Commands for one aggregate within one process take turns; those of a decider that wait at the same time are decided
 * one after the other and appended together. Between processes the version decides, and the loser loads and decides
 * again. Made by {@link repository}.
 */
export class Repository<State, E extends Event, Command, Tx = never> {
  readonly #definition: AggregateDefinition<State, E, Command>;
  readonly #options: RepositoryOptions<State, Tx>;
  readonly #loader: StateLoader<State, E, Command, Tx>;
  readonly #snapshots: SnapshotTaker<State, Tx> | undefined;
  /** For commands in transactions, which have no line whose state could be passed on. An object that changes is nobody's to keep. */
  readonly #baselines: Baselines<State> | undefined;
  readonly #queue: StreamQueue<Job<State, E, Command>, LoadedState<State>>;
  /** For commands in a transaction that several callers share: by that transaction. */
  readonly #sharedQueues = new WeakMap<
    object,
    StreamQueue<Job<State, E, Command>, LoadedState<State>>
  >();
  readonly #retry: RetryPolicy;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #tracer: Tracer;
  readonly #correlation = correlationReader();
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
    this.#baselines = definition.mutable ? undefined : new Baselines();
    this.#queue = this.#newQueue();
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
    const { expected = 'any', transaction, signal } = options;
    const metadata = definedOnly({ ...this.#correlation(), ...options.metadata });
    const spanOptions = {
      attributes: { 'potter.aggregate': this.#definition.type, 'potter.stream': stream },
      // A trace that is running here is nearer than the one the message brought.
      parent: this.#tracer.current() === undefined ? traceContextOf(metadata) : undefined,
    };
    const startedMs = performance.now();
    const handling = (span: Span): Promise<Handled<State, E>> =>
      new Promise((resolve, reject) => {
        const traced = { ...metadata, ...span.context() };
        const context = new AsyncResource('potter.command');
        const own = { command, expected, metadata: traced, signal, resolve, reject, context };
        const queue = this.#queueFor(stream, transaction);
        if (queue !== undefined) queue.line.add(stream, { ...own, share: queue.share });
        else {
          const job = { ...own, share: undefined };
          void this.#work(stream, [job], undefined, transaction).then(({ settle }) => settle());
        }
      });
    try {
      return await this.#tracer.span(`handle ${this.#definition.type}`, spanOptions, handling);
    } finally {
      this.#metrics.handled((performance.now() - startedMs) / 1_000);
    }
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

  /** Where a command waits for its turn; undefined when it must not wait. */
  #queueFor(
    stream: StreamId,
    transaction: Tx | undefined,
  ): Line<State, E, Command, Tx> | undefined {
    if (isInsideCommand()) return undefined;
    if (transaction === undefined) return { line: this.#queue, share: undefined };
    const share = shareOf(transaction);
    if (share?.join(stream) !== true) return undefined;
    const whole = share.whole as object;
    let line = this.#sharedQueues.get(whole);
    if (line === undefined) {
      line = this.#newQueue(share.whole);
      this.#sharedQueues.set(whole, line);
    }
    return { line, share };
  }

  #newQueue(transaction?: Tx): StreamQueue<Job<State, E, Command>, LoadedState<State>> {
    return new StreamQueue({
      limit: this.#options.maxWaiting ?? 10_000,
      // An object that changes cannot show each caller its own state.
      together: this.#definition.mutable ? 1 : MAX_TOGETHER,
      work: (stream, jobs, leftover) => this.#work(stream as StreamId, jobs, leftover, transaction),
    });
  }

  /** Handles jobs until what came of every one is known. Never rejects. */
  async #work(
    stream: StreamId,
    jobs: readonly Job<State, E, Command>[],
    leftover: LoadedState<State> | undefined,
    transaction?: Tx,
  ): Promise<Done<LoadedState<State>>> {
    let left = leftover;
    let rest = jobs;
    for (;;) {
      const now = rest;
      const [first] = now;
      if (first === undefined) return { left, settle: () => {} };
      try {
        // Loads and appends belong to the first of those they are for.
        const attempt = (): Promise<Progress<State, E, Command>> =>
          this.#attempts(stream, now, left, transaction);
        const progress = await first.context.runInAsyncScope(attempt);
        ({ rest } = progress);
        left = this.#definition.mutable ? undefined : progress.left;
        if (rest.length === 0) return { left, settle: progress.settle };
        progress.settle();
      } catch (error) {
        // In a transaction, what failed together may have been written in part.
        for (const { share } of now) share?.spoil();
        if (now.length === 1 || !isFaultOfOne(error) || transaction !== undefined) {
          return { left: undefined, settle: () => now.forEach(({ reject }) => reject(error)) };
        }
        for (const job of now) (await this.#work(stream, [job], undefined, transaction)).settle();
        return { left: undefined, settle: () => {} };
      }
    }
  }

  /** Handles jobs together, with retries. Rejects with the error that stands for all of them. */
  async #attempts(
    stream: StreamId,
    jobs: readonly Job<State, E, Command>[],
    leftover: LoadedState<State> | undefined,
    transaction: Tx | undefined,
  ): Promise<Progress<State, E, Command>> {
    const signal = jobs.length === 1 ? jobs[0]?.signal : undefined;
    const startedMs = this.#clock.now().getTime();
    let usable = leftover;
    let previousDelayMs: number | undefined;
    let waiting = jobs;
    for (let attempt = 1; ;) {
      throwIfAborted(signal);
      const isCertain = usable === undefined;
      const before = usable ?? (await this.#loadToDecide(stream, transaction, signal));
      usable = undefined;
      try {
        const progress = await this.#attempt(stream, waiting, before, isCertain, transaction);
        if (progress !== undefined) return progress;
      } catch (error) {
        if (!(error instanceof ConcurrencyConflictError) || error.stream !== stream) throw error;
        this.#metrics.conflicted();
        waiting = stillExpected(waiting, error);
        if (waiting.length === 0) return { left: undefined, rest: [], settle: () => {} };
        if (!isCertain) continue;
        const elapsedMs = this.#clock.now().getTime() - startedMs;
        const delayMs = nextDelayMs(this.#retry, {
          attempt,
          elapsedMs,
          ...(previousDelayMs !== undefined && { previousDelayMs }),
        });
        if (delayMs === undefined) throw retriesExhausted(error, attempt);
        attempt += 1;
        // The append that lost has locked the stream for the transaction: to wait now is to make everybody wait.
        if (transaction !== undefined) continue;
        previousDelayMs = delayMs;
        await sleep(delayMs, { clock: this.#clock, signal });
      }
    }
  }

  /** In a transaction the stream is locked first: many that load at once would all decide in vain but one. */
  async #loadToDecide(
    stream: StreamId,
    transaction: Tx | undefined,
    signal: AbortSignal | undefined,
  ): Promise<LoadedState<State>> {
    if (transaction === undefined) return this.#loader.load(stream, { signal });
    await this.#options.eventStore.lockStream(stream, { transaction });
    const baseline = this.#baselines?.get(stream);
    const loaded = await this.#loader.loadSince(stream, baseline, { transaction, signal });
    this.#baselines?.set(stream, loaded);
    this.#snapshots?.considerCommitted(stream, loaded, async () => {
      const committed = await this.#loader.load(stream, {});
      this.#baselines?.noteSnapshot(stream, committed);
      return committed;
    });
    return loaded;
  }

  /**
   * One go. Undefined when `before` was only believed, and nothing was appended that would prove it: what was refused
   * on it may not be refused on the truth.
   */
  async #attempt(
    stream: StreamId,
    jobs: readonly Job<State, E, Command>[],
    before: LoadedState<State>,
    isCertain: boolean,
    transaction: Tx | undefined,
  ): Promise<Progress<State, E, Command> | undefined> {
    const batch = await decideTogether(this.#definition, stream, before, jobs);
    const { verdicts, events, state, rest } = batch;
    if (events.length === 0) {
      if (!isCertain) return undefined;
      return { left: before, rest, settle: () => settle(verdicts, []) };
    }
    const { eventStore } = this.#options;
    const options = { expected: before.version, transaction };
    const appended = await eventStore.appendToStream<E>(stream, events, options);
    if (appended.alreadyAppended) {
      // The events were there under the ids the command gave them: the stream says what the state is.
      const now = await this.#loader.load(stream, { transaction });
      const present = verdicts.map((verdict) =>
        verdict.kind === 'decided'
          ? { ...verdict, state: now.state, version: now.version }
          : verdict,
      );
      return { left: now, rest, settle: () => settle(present, appended.events) };
    }
    const since = before.since ?? appended.events[0]?.recordedAt;
    const { version, lastPosition: position } = appended;
    const after: LoadedState<State> = { ...before, state, version, position, since };
    const isCommitted = transaction === undefined;
    if (!isCommitted) this.#baselines?.set(stream, after);
    const left = (isCommitted && this.#snapshots?.consider(stream, after)) || after;
    return { left, rest, settle: () => settle(verdicts, appended.events) };
  }

  #onSnapshotTrouble(trouble: SnapshotTrouble, stream: StreamId, error: unknown): void {
    this.#metrics.snapshotTrouble(trouble);
    const consequence =
      trouble === 'unsaved' ? 'loads take longer' : 'the stream is replayed from its beginning';
    this.#logger.warn(`A snapshot is ${trouble}; ${consequence}.`, { stream, trouble, error });
  }
}

type Job<State, E extends Event, Command> = CommandJob<State, E, Command>;

/** A queue, and the caller's share of the transaction that all in it are in. */
interface Line<State, E extends Event, Command, Tx> {
  readonly line: StreamQueue<Job<State, E, Command>, LoadedState<State>>;
  readonly share: TransactionShare<Tx> | undefined;
}

/** The state after an append, and the jobs that were not part of it. */
interface Progress<State, E extends Event, Command> {
  readonly left: LoadedState<State> | undefined;
  readonly rest: readonly Job<State, E, Command>[];
  /** Tells the callers of those that were. */
  readonly settle: () => void;
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
