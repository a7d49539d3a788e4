import { exponentialBackoff, type RetryPolicy } from '../foundation/backoff.ts';
import type { Feed, FeedOptions } from './feed.ts';

/** A table of a read model. */
export interface ProjectionTable {
  /** Where queries look for it, with its schema: `shop.order_summary`. At most 50 characters without the schema. */
  readonly name: string;
  /**
   * An empty table with the form that this version of the projection writes, when it is another form than that of the
   * live table: then a new version can be built beside the old one. Default: the live table itself.
   */
  readonly like?: string;
}

/** What a handler writes with. */
export interface ProjectionContext<Tx> {
  /** Also moves the checkpoint: both are committed, or neither. */
  readonly transaction: Tx;
  /** The name of a table now: its own, or that of the one that is built beside it. Never write to a table but by this. */
  readonly table: (name: string) => string;
  /** Whether a read model is built beside the live one: what has effects elsewhere had them already. */
  readonly building: boolean;
}

/** What happens to something that cannot be handled, after its retries. There is no way to pass over it in silence. */
export interface ProjectionErrorPolicy {
  /** Default: 5 attempts, from 100 ms, doubling. */
  readonly retry?: RetryPolicy;
  /**
   * - `pause` (default): the projection stands still until somebody resumes it. What it has is right, and gets old.
   * - `dead-letter`: it is put aside, with its error, and the rest goes on. For handlers to which each item is its own.
   */
  readonly giveUp?: 'pause' | 'dead-letter';
}

/** What is known of a projection without its handler. */
export interface ProjectionIdentity {
  readonly name: string;
  readonly version: number;
  readonly tables: readonly ProjectionTable[];
}

/**
 * A read model: how the items of a feed become rows. Delivered at least once to the code, exactly once to the rows,
 * because the checkpoint is part of the transaction that writes them.
 */
export interface Projection<Item, Tx> {
  readonly name: string;
  /** Raised when the same items would give other rows: the new version is built beside the old one, and then takes its place. */
  readonly version: number;
  /** Default none: for handlers that keep their rows elsewhere, and cannot be rebuilt beside themselves. */
  readonly tables?: readonly ProjectionTable[];
  /** Most items handled in one transaction. Default 1,000: more costs memory and time under locks, fewer cost commits. */
  readonly batchSize?: number;
  readonly onError?: ProjectionErrorPolicy;
  /** Folds a batch, in the order of positions, never empty. It may be called again for the same items after a failure. */
  readonly handle: (items: readonly Item[], context: ProjectionContext<Tx>) => Promise<void>;
}

/** A batch whose items only the projection knows. */
export interface BoundBatch<Tx> {
  readonly position: bigint;
  readonly caughtUp: boolean;
  /** Positions of the items. */
  readonly positions: readonly bigint[];
  /** Handles the items from one index to before another. */
  handle(from: number, to: number, context: ProjectionContext<Tx>): Promise<void>;
}

/** A projection and what it reads: what a runner runs. */
export interface BoundProjection<Tx> {
  readonly identity: ProjectionIdentity;
  readonly retry: RetryPolicy;
  readonly giveUp: 'pause' | 'dead-letter';
  readonly batchSize: number;
  readonly batches: (options: FeedOptions) => AsyncIterable<BoundBatch<Tx>>;
  readonly head: () => Promise<bigint>;
}

/** Binds a projection to the feed it reads. */
export function project<Item extends { readonly position: bigint }, Tx>(
  feed: Feed<Item>,
  projection: Projection<Item, Tx>,
): BoundProjection<Tx> {
  const { name, version, tables = [], onError = {} } = projection;
  const batchSize = projection.batchSize ?? 1_000;
  return {
    identity: { name, version, tables },
    retry: onError.retry ?? exponentialBackoff({ maxAttempts: 5, initialDelay: 100 }),
    giveUp: onError.giveUp ?? 'pause',
    batchSize,
    head: () => feed.head(),
    async *batches(options) {
      for await (const { items, position, caughtUp } of feed.subscribe({ batchSize, ...options })) {
        yield {
          position,
          caughtUp,
          positions: items.map((item) => item.position),
          handle: (from, to, context) => projection.handle(items.slice(from, to), context),
        };
      }
    },
  };
}
