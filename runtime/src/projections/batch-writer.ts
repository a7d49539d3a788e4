import { describeError } from '../errors/describe-error.ts';
import { isPotterError } from '../errors/potter-error.ts';
import { nextDelayMs } from '../foundation/backoff.ts';
import type { Clock } from '../foundation/clock.ts';
import type { Logger } from '../foundation/logger.ts';
import { sleep } from '../foundation/sleep.ts';
import type { BoundBatch, BoundProjection } from './projection.ts';
import type { FailedItem, ProjectionLease, ProjectionStore } from './projection-store.ts';

/** What a writer needs. */
export interface BatchWriterContext<Tx> {
  readonly store: ProjectionStore<Tx>;
  readonly bound: BoundProjection<Tx>;
  readonly lease: ProjectionLease;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly meter: (items: number) => number;
  readonly failed: () => void;
  /** Told of items whose rows are committed. */
  readonly handled: (items: number) => void;
}

type Outcome = 'advanced' | 'refused' | 'paused';

/**
 * Writes batches of one generation, and decides what happens to what cannot be handled. A batch that fails is handled
 * item by item, so that what is before the culprit gets its place and the culprit alone is tried again.
 */
export class BatchWriter<Tx> {
  readonly #context: BatchWriterContext<Tx>;
  #position: bigint;

  constructor(context: BatchWriterContext<Tx>, position: bigint) {
    this.#context = context;
    this.#position = position;
  }

  get position(): bigint {
    return this.#position;
  }

  /** @throws what keeps the store from working: nothing is decided then, and the batch can be written again. */
  async write(batch: BoundBatch<Tx>): Promise<Outcome> {
    const { positions, position } = batch;
    if (positions.length === 0)
      return position === this.#position ? 'advanced' : this.#move(position);
    try {
      return await this.#handle(batch, 0, positions.length, position);
    } catch (error) {
      if (this.#isOutage(error)) throw error;
      this.#report(error, positions[0] ?? position, 1);
    }
    for (let at = 0; at < positions.length;) {
      // An upcaster may have made several items of what is stored at one position: they have one checkpoint.
      let end = at + 1;
      while (end < positions.length && positions[end] === positions[at]) end += 1;
      const outcome = await this.#one(batch, at, end);
      if (outcome !== 'advanced') return outcome;
      at = end;
    }
    return position === this.#position ? 'advanced' : this.#move(position);
  }

  /** What is stored at one position, as often as the policy says. */
  async #one(batch: BoundBatch<Tx>, at: number, end: number): Promise<Outcome> {
    const { bound, clock, signal } = this.#context;
    const position = batch.positions[at] ?? batch.position;
    const startedAt = clock.now().getTime();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#handle(batch, at, end, position);
      } catch (error) {
        if (this.#isOutage(error)) throw error;
        this.#report(error, position, attempt);
        const elapsedMs = clock.now().getTime() - startedAt;
        const delayMs = nextDelayMs(bound.retry, { attempt, elapsedMs });
        if (delayMs === undefined) {
          return this.#giveUp({ position, attempts: attempt, error: describeError(error) });
        }
        await sleep(delayMs, { clock, signal });
      }
    }
  }

  async #giveUp(failure: FailedItem): Promise<Outcome> {
    const { store, bound, lease, logger } = this.#context;
    const { name } = bound.identity;
    switch (bound.giveUp) {
      case 'pause':
        logger.error('a projection stands still: something cannot be handled', {
          name,
          ...failure,
        });
        return (await store.pauseFailed(lease, failure)) ? 'paused' : 'refused';
      case 'dead-letter':
        logger.error('a projection has put aside what cannot be handled', { name, ...failure });
        return this.#move(failure.position, failure);
    }
  }

  async #move(to: bigint, deadLetter?: FailedItem): Promise<Outcome> {
    const step = { from: this.#position, to, handled: 0, rate: this.#context.meter(0) };
    const { store, lease } = this.#context;
    const moved = await store.advance(
      lease,
      deadLetter === undefined ? step : { ...step, deadLetter },
    );
    if (!moved) return 'refused';
    this.#position = to;
    return 'advanced';
  }

  async #handle(batch: BoundBatch<Tx>, from: number, to: number, end: bigint): Promise<Outcome> {
    const { store, lease, meter } = this.#context;
    const handled = to - from;
    const step = { from: this.#position, to: end, handled, rate: meter(handled) };
    const moved = await store.advance(lease, step, (context) => batch.handle(from, to, context));
    if (!moved) return 'refused';
    this.#context.handled(handled);
    this.#position = end;
    return 'advanced';
  }

  /** Not the item's fault: whoever has the lease tries again from the checkpoint. */
  #isOutage(error: unknown): boolean {
    return this.#context.signal.aborted || isPotterError(error, 'DATABASE_UNAVAILABLE');
  }

  #report(error: unknown, position: bigint, attempt: number): void {
    const { bound, logger, failed } = this.#context;
    failed();
    logger.warn('a projection could not handle something', {
      name: bound.identity.name,
      position,
      attempt,
      error,
    });
  }
}
