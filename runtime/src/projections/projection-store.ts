import type { ErrorDescription } from '../errors/describe-error.ts';
import type { ProjectionContext, ProjectionIdentity } from './projection.ts';

/** One form of a projection's rows: the one that queries see, or one that is being built to take its place. */
export interface Generation {
  readonly name: string;
  /** 1, 2, …: a rebuild makes a new one. */
  readonly generation: number;
  readonly version: number;
  readonly role: 'live' | 'building';
  /** Everything up to here is in the rows. */
  readonly position: bigint;
  /** Items handled so far. */
  readonly handled: bigint;
  /** Items a second, lately; 0 when nothing was handled for some seconds. */
  readonly rate: number;
  /** Why it stands still; null when it does not. */
  readonly paused: PausedProjection | null;
  /** Who writes it; null: nobody does. */
  readonly runner: string | null;
  readonly startedAt: Date;
  readonly updatedAt: Date;
}

/** Why a projection stands still. */
export interface PausedProjection {
  readonly at: Date;
  /** What could not be handled; null: somebody asked for the pause. */
  readonly failure: FailedItem | null;
}

/** Something a handler could not handle. */
export interface FailedItem {
  readonly position: bigint;
  readonly attempts: number;
  readonly error: ErrorDescription;
}

/** Something that was put aside. */
export interface DeadLetter extends FailedItem {
  readonly name: string;
  readonly at: Date;
}

/** The right to write a generation. The token grows with every change of owner; a write with an older one is refused. */
export interface ProjectionLease {
  readonly name: string;
  readonly generation: number;
  readonly owner: string;
  readonly token: bigint;
}

/** What became of asking for a lease. */
export type AcquireOutcome =
  | { readonly kind: 'acquired'; readonly lease: ProjectionLease; readonly position: bigint }
  /** Another runner has it, for so long at least, in milliseconds. */
  | { readonly kind: 'held'; readonly forMs: number }
  /** There is no such generation any more, or it is paused. */
  | { readonly kind: 'gone' };

/** One move of a checkpoint. */
export interface ProjectionStep {
  readonly from: bigint;
  readonly to: bigint;
  readonly handled: number;
  readonly rate: number;
  /** Put aside in the same transaction. */
  readonly deadLetter?: FailedItem;
}

/** Which generation of a projection is meant. */
export type GenerationKey = Pick<Generation, 'name' | 'generation'>;

/**
 * - `moved`: a checkpoint went on,
 * - `changed`: anything else: a generation came, went or took its place, a lease was given back, a pause began or ended.
 */
export type ProjectionNews = 'moved' | 'changed';

/** @param name undefined: something may have been missed, of any projection */
export type ProjectionListener = (name: string | undefined, news: ProjectionNews) => void;

/**
 * Where projections keep their checkpoints, next to the rows they write. `Tx` is the adapter's transaction.
 *
 * A generation is written by one runner at a time, whatever number of processes there is. Lease time is the store's own.
 */
export interface ProjectionStore<Tx> {
  /**
   * Makes sure that there is something to run: a live generation when there is none, or one to be built when the live
   * one is of an older version. Does nothing when the live one is of this version or a newer one.
   */
  register(projection: ProjectionIdentity): Promise<void>;

  /** Live ones first, then what is being built; all projections unless one is named. */
  generations(name?: string): Promise<readonly Generation[]>;

  /** Takes the lease of a generation, or extends it, for `ttlMs`. Never waits for its owner. */
  acquire(generation: GenerationKey, owner: string, ttlMs: number): Promise<AcquireOutcome>;

  /** @returns false when the lease is lost. */
  renew(lease: ProjectionLease, ttlMs: number): Promise<boolean>;

  /** Gives the lease back; others are told. */
  release(lease: ProjectionLease): Promise<void>;

  /**
   * Does the work and moves the checkpoint, in one transaction that stands or falls as a whole.
   * @returns false, and nothing is done, when the lease is lost, the projection paused, or its checkpoint not at `from`.
   * @throws what the work throws, with nothing done.
   */
  advance(
    lease: ProjectionLease,
    step: ProjectionStep,
    work?: (context: ProjectionContext<Tx>) => Promise<void>,
  ): Promise<boolean>;

  /**
   * Begins to build the projection anew beside its live rows; returns the generation that is being built already when
   * there is one of this version.
   * @throws PotterError `PROJECTION_SUPERSEDED` when the live one is of a newer version, `PROJECTION_TABLES_REFERENCED` when something
   * refers to the live tables that they could not leave behind.
   */
  startRebuild(projection: ProjectionIdentity): Promise<Generation>;

  /** Drops what is being built. @returns false when nothing was. */
  cancelRebuild(projection: Pick<ProjectionIdentity, 'name' | 'tables'>): Promise<boolean>;

  /**
   * Puts a built generation in the place of the live one: queries see all of the one or all of the other. When the live
   * one is further, `catchUp` is called inside the transaction, while it cannot move, to come up to it.
   * @param catchUp handles everything up to a position at least, and returns how far it came.
   * @returns `busy` when somebody reads the live rows for too long: nothing is done, and it can be tried again.
   */
  promote(
    lease: ProjectionLease,
    tables: ProjectionIdentity['tables'],
    catchUp: (context: ProjectionContext<Tx>, upTo: bigint) => Promise<bigint>,
  ): Promise<'promoted' | 'refused' | 'busy'>;

  /** Makes a generation stand still because of a failure. @returns false when the lease is lost. */
  pauseFailed(lease: ProjectionLease, failure: FailedItem): Promise<boolean>;

  /** Makes all generations of a projection stand still, or go on. @returns false when there is no such projection. */
  setPaused(name: string, paused: boolean): Promise<boolean>;

  /** What was put aside by the live generation, oldest first. */
  deadLetters(name: string): Promise<readonly DeadLetter[]>;

  /**
   * Takes a dead letter away, doing the work in the same transaction, while the projection stands still.
   * @returns false when there is none at that position.
   */
  settleDeadLetter(
    name: string,
    position: bigint,
    work: (context: ProjectionContext<Tx>) => Promise<void>,
  ): Promise<boolean>;

  /** Where the live generation is, and asks to be told of its moves for a while; undefined when there is none. */
  watch(name: string): Promise<bigint | undefined>;

  /**
   * Calls the listener when something about a projection changed, until the returned function is called. Moves of a
   * checkpoint are told only while somebody watches. Notifications may be lost.
   */
  listen(listener: ProjectionListener): Promise<() => Promise<void>>;
}

/** How long moves are told after {@link ProjectionStore.watch}, in milliseconds. */
export const PROJECTION_WATCH_MS = 30_000;
