import { exponentialBackoff, nextDelayMs } from '../foundation/backoff.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Logger } from '../foundation/logger.ts';
import { WakeUp } from '../foundation/wake-up.ts';
import { BatchWriter } from './batch-writer.ts';
import type { BoundBatch, BoundProjection, ProjectionContext } from './projection.ts';
import type { Generation, ProjectionLease, ProjectionStore } from './projection-store.ts';
import { RateMeter } from './rate-meter.ts';
import { readAhead } from './read-ahead.ts';

/** What the lanes of a runner share. */
export interface LaneContext<Tx> {
  readonly store: ProjectionStore<Tx>;
  readonly runnerId: string;
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of each attempt that failed. */
  readonly failed: (name: string) => void;
  /** Told of items whose rows are committed. */
  readonly handled: (name: string, role: Generation['role'], items: number) => void;
}

/** A lane that has nothing to do looks this often, should it not be told. */
const IDLE_LOOK_MS = 10_000;
const OUTAGE = exponentialBackoff({
  maxAttempts: Number.POSITIVE_INFINITY,
  initialDelay: 100,
  maxDelay: '5s',
  jitter: 'equal',
});
/** Between attempts to take the place of rows that somebody reads for long. */
const BUSY = exponentialBackoff({
  maxAttempts: Number.POSITIVE_INFINITY,
  initialDelay: 50,
  maxDelay: '2s',
});

/**
 * Works on one role of one projection: keeps the live rows up to date, or builds new ones and puts them in their place.
 * Whatever goes wrong, it starts over from what the store says.
 */
export class ProjectionLane<Tx> {
  readonly #context: LaneContext<Tx>;
  readonly #bound: BoundProjection<Tx>;
  readonly #role: Generation['role'];
  readonly #wakeUp = new WakeUp();
  readonly #meter = new RateMeter();
  #failures = 0;
  #busy = 0;

  constructor(context: LaneContext<Tx>, bound: BoundProjection<Tx>, role: Generation['role']) {
    this.#context = context;
    this.#bound = bound;
    this.#role = role;
  }

  get name(): string {
    return this.#bound.identity.name;
  }

  /** Something changed: have a look. */
  wake(): void {
    this.#wakeUp.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!isAborted(signal)) {
      try {
        const waitMs = await this.#turn(signal);
        this.#failures = 0;
        if (waitMs > 0) await this.#wakeUp.wait(waitMs, signal);
      } catch (error) {
        if (isAborted(signal)) return;
        this.#failures += 1;
        const delayMs = nextDelayMs(OUTAGE, { attempt: this.#failures, elapsedMs: 0 }) ?? 0;
        const { logger } = this.#context;
        logger.warn('a projection was interrupted and starts over', { name: this.name, error });
        await this.#wakeUp.wait(delayMs, signal);
      }
    }
  }

  /** @returns how long to wait before the next look, unless something happens. */
  async #turn(signal: AbortSignal): Promise<number> {
    const { store, runnerId, leaseMs } = this.#context;
    this.#wakeUp.hush();
    const generation = await this.#find();
    if (generation === undefined || generation.paused !== null) return IDLE_LOOK_MS;
    const outcome = await store.acquire(generation, runnerId, leaseMs);
    switch (outcome.kind) {
      case 'gone':
        return IDLE_LOOK_MS;
      case 'held':
        return Math.min(Math.max(outcome.forMs, 1), IDLE_LOOK_MS);
      case 'acquired':
        return this.#work(outcome.lease, outcome.position, signal);
    }
  }

  async #find(): Promise<Generation | undefined> {
    const { name, version } = this.#bound.identity;
    const generations = await this.#context.store.generations(name);
    return generations.find(
      (generation) => generation.role === this.#role && generation.version === version,
    );
  }

  async #work(lease: ProjectionLease, after: bigint, signal: AbortSignal): Promise<number> {
    const stop = new AbortController();
    const abort = (): void => stop.abort();
    signal.addEventListener('abort', abort, { once: true });
    const kept = this.#keep(lease, stop);
    const batches = readAhead(this.#bound.batches({ after, signal: stop.signal }));
    try {
      return await this.#follow(lease, after, batches, stop.signal);
    } finally {
      signal.removeEventListener('abort', abort);
      // Before the reader is told to end: what it waits for may never come.
      stop.abort();
      await batches.return();
      await kept;
      await this.#context.store.release(lease).catch((error: unknown) => {
        this.#context.logger.debug('a lease could not be given back and will run out', { error });
      });
    }
  }

  async #follow(
    lease: ProjectionLease,
    after: bigint,
    batches: AsyncGenerator<BoundBatch<Tx>, void, undefined>,
    signal: AbortSignal,
  ): Promise<number> {
    const { store, clock, logger, failed, handled } = this.#context;
    const writer = new BatchWriter(
      {
        store,
        bound: this.#bound,
        lease,
        clock,
        logger,
        signal,
        meter: (items) => this.#meter.add(items),
        failed: () => failed(this.name),
        handled: (items) => handled(this.name, this.#role, items),
      },
      after,
    );
    for (;;) {
      const { done, value: batch } = await batches.next();
      if (done === true || isAborted(signal)) return 0;
      if ((await writer.write(batch)) !== 'advanced') return 0;
      this.#failures = 0;
      if (this.#role === 'building' && batch.caughtUp) return this.#promote(lease, batches, writer);
    }
  }

  async #promote(
    lease: ProjectionLease,
    batches: AsyncGenerator<BoundBatch<Tx>, void, undefined>,
    writer: BatchWriter<Tx>,
  ): Promise<number> {
    const { store, logger } = this.#context;
    const catchUp = async (context: ProjectionContext<Tx>, upTo: bigint): Promise<bigint> => {
      let position = writer.position;
      while (position < upTo) {
        const { done, value: batch } = await batches.next();
        if (done === true) return position;
        if (batch.positions.length > 0) await batch.handle(0, batch.positions.length, context);
        ({ position } = batch);
      }
      return position;
    };
    const outcome = await store.promote(lease, this.#bound.identity.tables, catchUp);
    switch (outcome) {
      case 'promoted':
        this.#busy = 0;
        logger.info('a projection was rebuilt and took its place', {
          name: this.name,
          generation: lease.generation,
        });
        return 0;
      case 'refused':
        return 0;
      case 'busy':
        this.#busy += 1;
        return nextDelayMs(BUSY, { attempt: this.#busy, elapsedMs: 0 }) ?? 0;
    }
  }

  /**
   * Extends the lease for as long as the work goes on, and when something changed; ends the work when the lease is lost,
   * as it is when other rows took the place of these.
   */
  async #keep(lease: ProjectionLease, stop: AbortController): Promise<void> {
    const { store, leaseMs, renewMs, logger } = this.#context;
    const { signal } = stop;
    for (;;) {
      await this.#wakeUp.wait(renewMs, signal);
      if (isAborted(signal)) return;
      try {
        if (await store.renew(lease, leaseMs)) continue;
        stop.abort();
      } catch (error) {
        // The database is away. Should the lease run out meanwhile, every write with it is refused.
        logger.debug('a lease could not be extended', { name: this.name, error });
      }
    }
  }
}

/** A function, because the signal fires behind the compiler's back. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
