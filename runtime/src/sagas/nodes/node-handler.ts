import type { Direction, SagaError, SagaEvent } from '../saga-event.ts';
import type { BufferedSignal, NodeMark, StepState } from '../machine/saga-state.ts';
import type { CompensationFailurePolicy } from '../definition/saga-definition.ts';
import type { AttemptContext, DecideContext, StepOutcome } from '../definition/step-context.ts';
import type { ChildNode } from './child.ts';
import type { SagaNode } from './node.ts';

/** An attempt that is to be started. */
export interface Intent {
  readonly path: string;
  readonly direction: Direction;
}

/** An event of a node that needs no attempt; the machine adds the time. */
export type Note = {
  [Type in 'Decided' | 'StepSkipped' | 'WaitStarted' | 'WaitEnded']: Omit<
    Extract<SagaEvent, { type: Type }>,
    'at'
  >;
}['Decided' | 'StepSkipped' | 'WaitStarted' | 'WaitEnded'];

/** An attempt that is to be told to stop. */
export interface StopOrder {
  readonly path: string;
  readonly error: SagaError;
}

/** A node that gave up, with nothing of it running. */
export interface Failed {
  readonly kind: 'failed';
  readonly error: SagaError;
  /** A person decides what comes next. */
  readonly pause: boolean;
  readonly failedAt: Date;
}

/** A node that is under way. */
export interface Active {
  readonly kind: 'active';
  /** Attempts to start now. */
  readonly start: readonly Intent[];
  /** What is to be written down first; then the node is asked again. */
  readonly notes: readonly Note[];
  /** Whether an attempt is running. */
  readonly running: boolean;
  /** Attempts that are running in vain. */
  readonly stop: readonly StopOrder[];
}

/** How far a node has come in one direction. */
export type Progress = { readonly kind: 'done' } | Active | Failed;

/** What a handler may ask while the machine walks the graph. */
export interface Walk {
  readonly sagaId: string;
  readonly now: Date;
  /** What to do after an undo that gave up: stop there, or undo the rest first. */
  readonly onCompensationFailure: CompensationFailurePolicy;
  /** What to do after a defect in the definition's own code. */
  readonly onDefect: 'pause' | 'compensate';
  /** Whether the saga is undone past its pivot. */
  readonly forced: boolean;
  /** What the journal says of the node at a path; undefined when it was never begun. */
  step(path: string): StepState | undefined;
  /** Its place in the order of starts; -1 when it was never begun. */
  placeOf(path: string): number;
  decision(path: string): Extract<NodeMark, { kind: 'decision' }> | undefined;
  wait(path: string, direction: Direction): Extract<NodeMark, { kind: 'wait' }> | undefined;
  /** The oldest signal of that name that nothing has waited for, of those that pass the test. */
  signal(name: string, test?: (signal: BufferedSignal) => boolean): BufferedSignal | undefined;
  /** What conditions are told. */
  context(): DecideContext<unknown, unknown>;
  /** How far another node has come: how a node with children asks for them. */
  forward(node: SagaNode): Progress;
  compensate(node: SagaNode): Progress;
  /** Whether anything under a node was begun. */
  begun(node: SagaNode): boolean;
  /** The nodes under one, itself if it has none. */
  leaves(node: SagaNode): readonly LeafNode[];
  /** What is undone one after the other, whatever the nesting. */
  undoUnits(node: SagaNode): readonly SagaNode[];
}

/** A node without nodes under it. */
export type LeafNode = Exclude<SagaNode, { kind: 'sequence' | 'parallel' | 'choice' }>;

/** What one attempt is told; the handler of the node's kind adds the rest. */
export type Invocation = AttemptContext<unknown, unknown> & {
  /** The name under which the node was begun. */
  readonly as: string;
  /** How often the saga had been rewound when the node was begun. */
  readonly generation: number;
} & (
    | { readonly direction: 'forward' }
    | ({ readonly direction: 'compensate'; readonly cause: SagaError } & StepOutcome<unknown>)
  );

/** How a saga that was begun by another stands. */
export type ChildOutcome = { readonly sagaId: string } & (
  | { readonly status: 'completed'; readonly results: Readonly<Record<string, unknown>> }
  | { readonly status: 'compensated'; readonly error: SagaError }
  /** `asked`: the messages that had asked it to be undone when it gave up. */
  | { readonly status: 'abandoned'; readonly error: SagaError; readonly asked: readonly string[] }
);

/** What the orchestrator lends to a running attempt. */
export interface AttemptHost {
  /** Runs work in a transaction of the saga store in which its result is also written to the journal. */
  inTransaction(work: (tx: unknown) => Promise<unknown>): Promise<unknown>;
  /** Starts the saga of a `child` node, or finds it started. */
  startChild(node: ChildNode, invocation: Invocation): Promise<void>;
  /** Asks that saga to be undone; one that was never started never will be. */
  undoChild(node: ChildNode, invocation: Invocation): Promise<void>;
}

/** A way out of what was drawn so far. */
export interface DiagramExit {
  readonly from: string;
  /** What the way is taken for. */
  readonly label?: string;
}

/** What a box of a diagram stands for. */
export type DiagramShape = SagaNode['kind'] | 'pivot';

/** Draws a diagram, box by box. */
export interface DiagramPen {
  /** A box for the node at a path, reached from these exits; with `undo` a box for its undoing beside it. */
  box(
    path: string,
    shape: DiagramShape,
    from: readonly DiagramExit[],
    options?: { readonly undo?: boolean },
  ): void;
  /** Draws another node. @returns the ways that lead out of it. */
  draw(node: SagaNode, from: readonly DiagramExit[]): readonly DiagramExit[];
}

/** What the machine has to know of one kind of node. Pure: no clock, no I/O, no state of its own. */
export interface NodeHandler<Node extends SagaNode = SagaNode> {
  /** How far it has come forward, and what to start next. */
  forward(node: Node, walk: Walk): Progress;
  /** How far its undoing has come, and what to undo next. */
  compensate(node: Node, walk: Walk): Progress;
  /** Whether anything under it was begun. */
  begun(node: Node, walk: Walk): boolean;
  /** The nodes directly under it. */
  children(node: Node): readonly SagaNode[];
  /** What is undone one after the other. Default: it as a whole. */
  undoUnits?(node: Node, walk: Walk): readonly SagaNode[];
  /** Whether a journal written by another form of the definition can go on with this one. */
  fits(node: Node, walk: Walk, fits: (child: SagaNode) => boolean): boolean;
  /** The part of it that decides what a journal means: for the definition's hash. */
  describe(node: Node, describe: (child: SagaNode) => unknown): unknown;
  /** Draws it, and says which ways lead out of it. */
  draw(node: Node, pen: DiagramPen, from: readonly DiagramExit[]): readonly DiagramExit[];
}

/** What the orchestrator has to know of a kind of node that is done by attempts. */
export interface AttemptedNodeHandler<Node extends SagaNode> extends NodeHandler<Node> {
  /** Whether an attempt that throws is known to have left nothing behind. */
  readonly transactional: boolean;
  /** Does or undoes it once. The value, or what its promise brings, is the result of doing it; a throw is a failure. */
  attempt(node: Node, invocation: Invocation, host: () => AttemptHost): unknown;
}
