import type { Duration } from '../../foundation/duration.ts';
import type { AttemptedNode, SagaNode } from '../nodes/node.ts';
import type { DefinitionLimits, SagaLimits } from './limits.ts';
import type { Migrations, SagaMigration } from './migrations.ts';
import type { StartContext } from './lock-keys.ts';
import type { SequenceNode } from '../nodes/sequence.ts';

/** What follows when an undo has given up. */
export type CompensationFailurePolicy = 'pause' | 'continue' | 'fail';

/** What holds for a saga as a whole. `Input` is what `parseInput` makes; options without it fit every saga. */
export interface SagaOptions<Input = never> {
  /** 1, 2, …: raised when a change would mislead sagas that are under way; register the old version beside the new until they are over. Default 1. */
  readonly version?: number;
  /**
   * Older versions whose sagas go on under this one, where the process that finds them does not have their own:
   * `{ 1: { rename: { 'send-invoice': 'bill' } } }`. A saga that this version cannot go on with, because a step that it
   * began is gone or another one would have come before it, is `failed` until its version is there and it is resumed. Default: none.
   */
  readonly migrateFrom?: Readonly<Record<number, SagaMigration>>;
  /** Time for the whole saga; past it, what was done is undone. Default: none. */
  readonly timeout?: Duration;
  /**
   * Keys of the business that only one saga at a time may work on: `({ input }) => `order:${input.orderId}``, or several. Keys
   * are shared by all definitions of a store. A saga waits, `pending`, until all its keys are its own, first come first
   * served, and holds them until it is completed or compensated; while it is `failed` it keeps them. All are taken at once
   * and none while others are held, so sagas cannot wait for each other in a circle. A saga within it shares its keys and
   * may have no others. One that is undone after it was completed waits for its keys anew. Default: none.
   * (A method for the compiler's sake: options without an input fit every saga.)
   */
  lock?(start: StartContext<Input>): string | readonly string[];
  /** How many run at once, and who goes first. Those of the newest version hold for all. Default: none. */
  readonly limits?: SagaLimits<Input>;
  /** A snapshot of the state every so many journal entries: bounds what a takeover reads. Default 50. */
  readonly snapshotEvery?: number;
  /**
   * After retries, what a defect in a step (TypeError and the like) leads to. `pause` (default): the saga is `failed`, a
   * person fixes the code and resumes it. `compensate`: it is undone, as after any other error.
   */
  readonly onDefect?: 'pause' | 'compensate';
  /**
   * When an undo has given up. `pause` (default): the saga is `failed` at once; resuming goes on there. `continue`: the
   * rest is undone first; resuming tries again what gave up. `fail`: the saga is over at once, `abandoned`, gives up its locks and
   * tells its parent; what remains to be undone is named, and nobody is waited for. `undo` tries all of it again. While a person
   * is at it (the saga is paused or being rewound), and when it is the step's process that died again and again, it is as with `pause`.
   */
  readonly onCompensationFailure?: CompensationFailurePolicy;
  /** After so many interruptions of one step in a row (its process died each time) the saga is `failed` instead of taking down the next process. Default 10. */
  readonly maxInterruptions?: number;
  /**
   * Checks what a saga is started with and what a person edits it to, and says what the steps see. Pure: the process that
   * owns the saga asks it too.
   * @throws whatever says best what is wrong: a `Rejection`, a `PotterError`.
   */
  readonly parseInput?: (input: unknown) => Input;
}

declare const types: unique symbol;

/**
 * A saga ready to be run: a graph of nodes under stable names. Made by `saga(…).build()`.
 * `Input` is what it is started with, `Tx` the transaction its transactional steps need (`unknown`: none), `Results`
 * what its steps return.
 */
export interface SagaDefinition<Input = unknown, Tx = unknown, Results = unknown> {
  readonly name: string;
  readonly version: number;
  /** Of the graph: names, kinds, order and what is undone. Retries and timeouts may change without notice. */
  readonly hash: string;
  readonly root: SequenceNode;
  /** Every node, by path. */
  readonly nodes: ReadonlyMap<string, SagaNode>;
  /** Every node that is done by attempts, by path. */
  readonly attempted: ReadonlyMap<string, AttemptedNode>;
  /** Path of the point of no return; null: there is none. */
  readonly pivot: string | null;
  /** Whether several attempts can run at the same time. */
  readonly isParallel: boolean;
  readonly timeoutMs: number | null;
  readonly snapshotEvery: number;
  readonly onDefect: 'pause' | 'compensate';
  readonly onCompensationFailure: CompensationFailurePolicy;
  readonly maxInterruptions: number;
  /** Null: any input is taken. */
  readonly parseInput: ((input: unknown) => unknown) | null;
  /** Names of steps that changed since older versions whose sagas it takes over, by version. */
  readonly migrateFrom: Migrations;
  readonly limits: DefinitionLimits | null;
  /** Its keys, by its input; null: none. */
  readonly lock: ((start: StartContext<unknown>) => string | readonly string[]) | null;
  /** Only for the compiler: a definition fits an engine whose store gives it the transaction it needs. */
  readonly [types]?: {
    readonly input: Input;
    readonly results: Results;
    readonly needs: (tx: Tx) => void;
  };
}
