import type { CompensationFailurePolicy, SagaDefinition } from '../definition/saga-definition.ts';
import type { DecideContext } from '../definition/step-context.ts';
import { handlerOf } from '../nodes/handlers.ts';
import type { SagaNode } from '../nodes/node.ts';
import type { LeafNode, Progress, Walk } from '../nodes/node-handler.ts';
import type { Direction } from '../saga-event.ts';
import { rewindPlaceOf } from './rewind-place.ts';
import {
  type BufferedSignal,
  decisionAt,
  type NodeMark,
  resultsOf,
  type SagaState,
  stepAt,
  type StepState,
  waitAt,
} from './saga-state.ts';

/** The graph of a definition as one state of a saga sees it. */
export class GraphWalk implements Walk {
  readonly sagaId: string;
  readonly now: Date;
  readonly onCompensationFailure: CompensationFailurePolicy;
  readonly onDefect: 'pause' | 'compensate';
  readonly #state: SagaState;

  constructor(definition: SagaDefinition, sagaId: string, state: SagaState, now: Date) {
    this.now = now;
    this.onCompensationFailure = definition.onCompensationFailure;
    this.onDefect = definition.onDefect;
    this.sagaId = sagaId;
    this.#state = state;
  }

  get forced(): boolean {
    return this.#state.forced;
  }

  step(path: string): StepState | undefined {
    return stepAt(this.#state, path);
  }

  placeOf(path: string): number {
    return this.#state.steps.findIndex((step) => step.path === path);
  }

  decision(path: string): Extract<NodeMark, { kind: 'decision' }> | undefined {
    return decisionAt(this.#state, path);
  }

  wait(path: string, direction: Direction): Extract<NodeMark, { kind: 'wait' }> | undefined {
    return waitAt(this.#state, path, direction);
  }

  signal(
    name: string,
    test: (signal: BufferedSignal) => boolean = () => true,
  ): BufferedSignal | undefined {
    return this.#state.signals.find((signal) => signal.name === name && test(signal));
  }

  context(): DecideContext<unknown, unknown> {
    const { correlationId, input } = this.#state;
    return { sagaId: this.sagaId, correlationId, input, results: resultsOf(this.#state) };
  }

  forward(node: SagaNode): Progress {
    return handlerOf(node).forward(node, this);
  }

  compensate(node: SagaNode): Progress {
    return handlerOf(node).compensate(node, this);
  }

  begun(node: SagaNode): boolean {
    return handlerOf(node).begun(node, this);
  }

  leaves(node: SagaNode): readonly LeafNode[] {
    if (node.kind !== 'sequence' && node.kind !== 'parallel' && node.kind !== 'choice') {
      return [node];
    }
    return handlerOf(node)
      .children(node)
      .flatMap((child) => this.leaves(child));
  }

  undoUnits(node: SagaNode): readonly SagaNode[] {
    return handlerOf(node).undoUnits?.(node, this) ?? [node];
  }
}

/** What the walk sees of a saga that is being rewound: only what was begun from that step on. */
export class RewindWalk extends GraphWalk {
  readonly #from: number;

  constructor(definition: SagaDefinition, sagaId: string, state: SagaState, now: Date) {
    super(definition, sagaId, state, now);
    this.#from = state.rewindTo === null ? 0 : (rewindPlaceOf(state, state.rewindTo)?.steps ?? 0);
  }

  override step(path: string): StepState | undefined {
    return super.placeOf(path) < this.#from ? undefined : super.step(path);
  }

  override placeOf(path: string): number {
    const place = super.placeOf(path);
    return place < this.#from ? -1 : place;
  }

  /** What was done before the saga began was done before every step. */
  override begun(node: SagaNode): boolean {
    return node.kind !== 'already-done' && super.begun(node);
  }
}
