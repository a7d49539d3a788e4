import { PotterError } from '../errors/potter-error.ts';
import { exponentialBackoff, nextDelayMs } from '../foundation/backoff.ts';
import { type Clock, systemClock } from '../foundation/clock.ts';
import { type Duration, durationMs } from '../foundation/duration.ts';
import { newId } from '../foundation/ids.ts';
import { type Logger, silentLogger } from '../foundation/logger.ts';
import { throwIfAborted } from '../foundation/sleep.ts';
import { WakeUp } from '../foundation/wake-up.ts';
import { type Meter, noopMeter } from '../observability/meter.ts';
import { type ProjectionProgress, progressOf } from './progress.ts';
import type { BoundProjection } from './projection.ts';
import { type LaneContext, ProjectionLane } from './projection-lane.ts';
import {
  type DeadLetter,
  type Generation,
  PROJECTION_WATCH_MS,
  type ProjectionStore,
} from './projection-store.ts';
import { assertProjection } from './table-names.ts';

/** Between attempts to begin while the store is away, or not migrated yet. */
const BEGIN = exponentialBackoff({
  maxAttempts: Number.POSITIVE_INFINITY,
  maxDelay: '5s',
  jitter: 'equal',
});

/** Options of {@link createProjectionRunner}. */
export interface ProjectionRunnerOptions<Tx> {
  readonly store: ProjectionStore<Tx>;
  /** Made by `project(feed, projection)`. Two versions of one projection may run side by side. */
  readonly projections: readonly BoundProjection<Tx>[];
  /**
   * How long another process waits after this one was last heard of. Default 4 s. Shorter is taken over sooner, and asks
   * the database more often: the lease is extended after three eighths of it.
   */
  readonly lease?: Duration;
  /** Default the system's. Leases are counted by the store. */
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly meter?: Meter;
}

/** Runs projections, and is asked about them. Any number of processes may; each projection has one that writes it. */
export interface ProjectionRunner extends AsyncDisposable {
  /** Begins; returns when all projections are registered. While the store does not answer it goes on trying. */
  run(): Promise<void>;
  /** Finishes the batches under way and gives the leases back. The store stays open. */
  stop(): Promise<void>;
  progress(): Promise<readonly ProjectionProgress[]>;
  /**
   * Builds a projection anew beside its live rows, which then give way. Durable: whichever process runs it does it, and
   * another goes on when that one dies. One that is under way already is returned as it is.
   * @throws PotterError `PROJECTION_SUPERSEDED`, `PROJECTION_TABLES_REFERENCED`, `INVALID_ARGUMENT` for one without tables.
   */
  rebuild(name: string): Promise<Generation>;
  /** Drops a rebuild. @returns false when there was none. */
  cancelRebuild(name: string): Promise<boolean>;
  /** Makes a projection stand still, in all processes, until {@link resume}. */
  pause(name: string): Promise<void>;
  /** Lets it go on, or try again what it could not handle. */
  resume(name: string): Promise<void>;
  deadLetters(name: string): Promise<readonly DeadLetter[]>;
  /** Handles a dead letter again and, when that works, takes it away. @returns false when there is none. */
  retryDeadLetter(name: string, position: bigint): Promise<boolean>;
  /** Takes a dead letter away: its item will never be in the rows. @returns false when there is none. */
  discardDeadLetter(name: string, position: bigint): Promise<boolean>;
  /**
   * Waits until queries see everything up to a position; `caughtUp`: everything that is committed by now.
   * @returns where the projection is then.
   * @throws PotterError `TIMEOUT` (default after 5 s), `ABORTED`.
   */
  waitFor(
    name: string,
    target: bigint | 'caughtUp',
    options?: { readonly timeout?: Duration; readonly signal?: AbortSignal },
  ): Promise<bigint>;
}

/**
 * All methods throw PotterError `PROJECTION_NOT_FOUND` for a name that is not among the projections.
 * @throws PotterError `INVALID_ARGUMENT` when a projection has a bad name, version or table.
 */
export function createProjectionRunner<Tx>(options: ProjectionRunnerOptions<Tx>): ProjectionRunner {
  return new Runner(options);
}

class Runner<Tx> implements ProjectionRunner {
  readonly #store: ProjectionStore<Tx>;
  readonly #projections: readonly BoundProjection<Tx>[];
  readonly #lanes: readonly ProjectionLane<Tx>[];
  readonly #stopping = new AbortController();
  readonly #logger: Logger;
  #begun: Promise<void> | undefined;
  #running: readonly Promise<void>[] = [];
  #hangUp: (() => Promise<void>) | undefined;

  constructor(options: ProjectionRunnerOptions<Tx>) {
    const { store, projections, clock = systemClock, logger = silentLogger } = options;
    const meter = options.meter ?? noopMeter;
    for (const { identity } of projections) assertProjection(identity);
    const leaseMs = durationMs(options.lease ?? '4s');
    const failures = meter.counter('potter_projection_failures_total', {
      help: 'Attempts of a projection that failed.',
      labels: ['projection'],
    });
    // Its growth is how fast a read model follows, or is built anew.
    const items = meter.counter('potter_projection_items_total', {
      help: 'Items whose rows are committed, of the live rows and of those that are built.',
      labels: ['projection', 'role'],
    });
    const context: LaneContext<Tx> = {
      store,
      runnerId: newId(),
      leaseMs,
      renewMs: Math.floor((leaseMs * 3) / 8),
      clock,
      logger,
      failed: (name) => failures.add(1, { projection: name }),
      handled: (projection, role, count) => items.add(count, { projection, role }),
    };
    this.#store = store;
    this.#logger = logger;
    this.#projections = projections;
    this.#lanes = projections.flatMap((bound) => [
      new ProjectionLane(context, bound, 'live'),
      ...(bound.identity.tables.length > 0 ? [new ProjectionLane(context, bound, 'building')] : []),
    ]);
    const help = 'Positions that the projection furthest behind has still to go.';
    meter.gauge('potter_projection_lag_positions', { help }, () => this.#lag());
  }

  async run(): Promise<void> {
    this.#assertOpen();
    this.#begun ??= this.#begin();
    await this.#begun;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#begun;
    await Promise.all(this.#running);
    await this.#hangUp?.();
    this.#hangUp = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async progress(): Promise<readonly ProjectionProgress[]> {
    const generations = await this.#store.generations();
    const newest = new Map(this.#projections.map((bound) => [bound.identity.name, bound]));
    return Promise.all([...newest.values()].map((bound) => progressOf(bound, generations)));
  }

  async rebuild(name: string): Promise<Generation> {
    const { identity } = this.#find(name);
    if (identity.tables.length > 0) return this.#store.startRebuild(identity);
    throw new PotterError('INVALID_ARGUMENT', {
      message: `Projection '${name}' names no tables and cannot be built beside itself.`,
      remedy: 'List its tables in the projection.',
      details: { name },
    });
  }

  async cancelRebuild(name: string): Promise<boolean> {
    return this.#store.cancelRebuild(this.#find(name).identity);
  }

  async pause(name: string): Promise<void> {
    const { identity } = this.#find(name);
    if (await this.#store.setPaused(identity.name, true)) return;
    // No runner has begun with it so far: without a place in the store the pause would be forgotten.
    await this.#store.register(identity);
    await this.#store.setPaused(identity.name, true);
  }

  async resume(name: string): Promise<void> {
    await this.#store.setPaused(this.#find(name).identity.name, false);
  }

  async deadLetters(name: string): Promise<readonly DeadLetter[]> {
    return this.#store.deadLetters(this.#find(name).identity.name);
  }

  async retryDeadLetter(name: string, position: bigint): Promise<boolean> {
    const bound = this.#find(name);
    return this.#store.settleDeadLetter(name, position, async (context) => {
      const stop = new AbortController();
      const options = { after: position - 1n, batchSize: 1, signal: stop.signal };
      for await (const batch of bound.batches(options)) {
        const items = batch.positions.filter((at) => at === position).length;
        if (items > 0) await batch.handle(0, items, context);
        if (batch.position >= position) return;
      }
    });
  }

  async discardDeadLetter(name: string, position: bigint): Promise<boolean> {
    return this.#store.settleDeadLetter(this.#find(name).identity.name, position, async () => {});
  }

  async waitFor(
    name: string,
    target: bigint | 'caughtUp',
    options: { readonly timeout?: Duration; readonly signal?: AbortSignal } = {},
  ): Promise<bigint> {
    const bound = this.#find(name);
    const { signal } = options;
    const timeoutMs = durationMs(options.timeout ?? '5s');
    const startedAt = performance.now();
    const wakeUp = new WakeUp();
    const hangUp = await this.#store.listen((changed) => {
      if (changed === undefined || changed === name) wakeUp.ring();
    });
    try {
      const upTo = target === 'caughtUp' ? await bound.head() : target;
      for (;;) {
        throwIfAborted(signal);
        wakeUp.hush();
        const position = await this.#store.watch(name);
        if (position !== undefined && position >= upTo) return position;
        const restMs = timeoutMs - (performance.now() - startedAt);
        if (restMs <= 0) throw timedOut(name, { upTo, position, timeoutMs });
        await wakeUp.wait(Math.min(restMs, PROJECTION_WATCH_MS / 3), signal);
      }
    } finally {
      await hangUp();
    }
  }

  async #begin(): Promise<void> {
    this.#hangUp = await this.#untilDone(() =>
      this.#store.listen((name, news) => {
        if (news === 'moved') return;
        for (const lane of this.#lanes) if (name === undefined || name === lane.name) lane.wake();
      }),
    );
    const registered = await this.#untilDone(async () => {
      for (const { identity } of this.#projections) await this.#store.register(identity);
      return true;
    });
    if (registered === undefined) return;
    this.#running = this.#lanes.map((lane) => lane.run(this.#stopping.signal));
  }

  /** What the work gives once it succeeds; undefined when the runner is stopped before. */
  async #untilDone<T>(work: () => Promise<T>): Promise<T | undefined> {
    const { signal } = this.#stopping;
    const wakeUp = new WakeUp();
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        this.#logger.warn('projections cannot begin yet and try again', { error });
        await wakeUp.wait(nextDelayMs(BEGIN, { attempt, elapsedMs: 0 }) ?? 0, signal);
      }
    }
    return undefined;
  }

  /** The newest version of it that this process has. */
  #find(name: string): BoundProjection<Tx> {
    const found = this.#projections
      .filter(({ identity }) => identity.name === name)
      .toSorted((a, b) => a.identity.version - b.identity.version)
      .at(-1);
    if (found !== undefined) return found;
    throw new PotterError('PROJECTION_NOT_FOUND', {
      message: `There is no projection '${name}'.`,
      remedy: `Known are: ${this.#projections.map(({ identity }) => identity.name).join(', ')}.`,
      details: { name },
    });
  }

  /** Of the projection that is furthest behind. */
  async #lag(): Promise<number> {
    const lags = (await this.progress()).map(({ live }) => Number(live?.lag ?? 0n));
    return Math.max(0, ...lags);
  }

  #assertOpen(): void {
    if (!this.#stopping.signal.aborted) return;
    throw new PotterError('CLOSED', {
      message: 'The projection runner was stopped.',
      remedy: 'Make a new one.',
    });
  }
}

function timedOut(
  name: string,
  state: {
    readonly upTo: bigint;
    readonly position: bigint | undefined;
    readonly timeoutMs: number;
  },
): PotterError {
  const { upTo, position = 0n, timeoutMs } = state;
  return new PotterError('TIMEOUT', {
    message: `Projection '${name}' is at ${position} and did not reach ${upTo} within ${timeoutMs} ms.`,
    remedy: 'Look at its progress: whether it is paused, being built, or run by no process.',
    details: { name, position, upTo, timeoutMs },
  });
}
