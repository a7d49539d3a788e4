import type { Direction, SagaError } from '../saga-event.ts';
import type { StepState } from '../saga-state.ts';
import type { AttemptContext, StepOutcome } from '../step-context.ts';
import type { SagaNode } from './node.ts';

/** An attempt that is to be started. */
export interface Intent {
  readonly path: string;
  readonly direction: Direction;
}

/** How far a node has come in one direction. */
export type Progress =
  | { readonly kind: 'done' }
  | {
      readonly kind: 'active';
      /** Attempts to start now. */
      readonly start: readonly Intent[];
      /** Whether an attempt is running. */
      readonly running: boolean;
    }
  /** The node gave up and none of its attempts is running. */
  | { readonly kind: 'failed'; readonly error: SagaError };

/** What a handler may ask while the machine walks the graph. */
export interface Walk {
  readonly now: Date;
  /** What to do after an undo that gave up: stop there, or undo the rest first. */
  readonly onCompensationFailure: 'pause' | 'continue';
  /** What the journal says of the node at a path; undefined when it was never begun. */
  step(path: string): StepState | undefined;
  /** How far another node has come: how a node with children asks for them. */
  forward(node: SagaNode): Progress;
  compensate(node: SagaNode): Progress;
  /** Whether anything under a node was begun. */
  begun(node: SagaNode): boolean;
}

/** What one attempt is told; the handler of the node's kind adds the rest. */
export type Invocation = AttemptContext<unknown, unknown> &
  (
    | { readonly direction: 'forward' }
    | ({ readonly direction: 'compensate'; readonly cause: SagaError } & StepOutcome<unknown>)
  );

/** What the orchestrator lends to a running attempt. */
export interface AttemptHost {
  /** Runs work in a transaction of the saga store in which its result is also written to the journal. */
  inTransaction(work: (tx: unknown) => Promise<unknown>): Promise<unknown>;
}

/** Draws a diagram, box by box. */
export interface DiagramPen {
  /**
   * A box for the node at a path, reached from these boxes, with a box for its undoing beside it.
   * @param mark how it looks while nothing is known of it. Default `untouched`.
   */
  box(path: string, from: readonly string[], undo: boolean, mark?: 'done' | 'untouched'): void;
  /** Draws another node. @returns the boxes that lead out of it. */
  draw(node: SagaNode, from: readonly string[]): readonly string[];
}

/** What the machine has to know of one kind of node. Pure: no clock, no I/O, no state of its own. */
export interface NodeHandler<Node extends SagaNode = SagaNode> {
  /** How far it has come forward, and what to start next. */
  forward(node: Node, walk: Walk): Progress;
  /** How far its undoing has come, and what to undo next. */
  compensate(node: Node, walk: Walk): Progress;
  /** Whether anything under it was begun. */
  begun(node: Node, walk: Walk): boolean;
  /** Whether a journal written by another form of the definition can go on with this one. */
  fits(node: Node, walk: Walk, fits: (child: SagaNode) => boolean): boolean;
  /** The part of it that decides what a journal means: for the definition's hash. */
  describe(node: Node, describe: (child: SagaNode) => unknown): unknown;
  /** Draws it, and says which boxes lead out of it. */
  draw(node: Node, pen: DiagramPen, from: readonly string[]): readonly string[];
}

/** What the orchestrator has to know of a kind of node that is done by attempts. */
export interface AttemptedNodeHandler<Node extends SagaNode> extends NodeHandler<Node> {
  /** Does or undoes it once. The value is the result; a throw is a failure. */
  attempt(node: Node, invocation: Invocation, host: AttemptHost): Promise<unknown>;
}
