import type { SagaDefinition } from '../../sagas/definition/saga-definition.ts';
import type { SagaModelState } from './saga-model-state.ts';

/** What there is to undo, as a reader of a journal knows it. */
export class ModelUndo {
  readonly #definition: SagaDefinition<unknown, never>;
  readonly #state: SagaModelState;

  constructor(definition: SagaDefinition<unknown, never>, state: SagaModelState) {
    this.#definition = definition;
    this.#state = state;
  }

  /** Whether no attempt runs that matters now: in a rewind, those before its step go on. */
  get isQuiet(): boolean {
    const state = this.#state;
    return ![...state.tries].some(([key, { status }]) => {
      const path = key.slice(0, key.lastIndexOf(' '));
      return status === 'running' && this.isInScope(path);
    });
  }

  isInScope(path: string): boolean {
    const { begun, rewindTo, startOf } = this.#state;
    return rewindTo === null || startOf(path) >= (begun.keptBy(rewindTo) ?? 0);
  }

  /** Whether a node that was begun has something to undo. */
  isNeeded(path: string): boolean {
    const state = this.#state;
    const node = this.#definition.attempted.get(path);
    if (!node?.compensate) return false;
    if (node.kind === 'already-done') return state.rewindTo === null;
    if (!state.begun.steps.includes(path)) return false;
    if (node.kind === 'child' && state.waitOf(path, 'forward')?.compensated) return false;
    if (node.compensateWhen === 'attempted') return true;
    return node.compensateWhen === 'forced' ? state.forced : state.completed.has(path);
  }

  /** Whether something in the scope gave up. @param pause in a way that only a person can decide about. */
  gaveUp(pause: boolean = false): boolean {
    return this.left(true).some((path) => {
      const tries = this.#state.triesOf(path, 'compensate');
      if (tries?.status === 'exhausted') return tries.pause || !pause;
      return !pause && this.#state.waitOf(path, 'compensate')?.outcome === 'failed';
    });
  }

  /** What is still to be undone. @param all also what gave up, where the rest is undone all the same. */
  left(all: boolean = this.#definition.onCompensationFailure !== 'continue'): readonly string[] {
    const state = this.#state;
    return [...this.#definition.attempted.keys()].filter((path) => {
      if (!this.isInScope(path) || !this.isNeeded(path)) return false;
      const tries = state.triesOf(path, 'compensate');
      if (tries?.status === 'exhausted') return all;
      if (tries?.status !== 'done') return true;
      const node = this.#definition.nodes.get(path);
      if (node?.kind !== 'child') return false;
      const outcome = state.waitOf(path, 'compensate')?.outcome ?? null;
      return outcome === null || (outcome === 'failed' && all);
    });
  }
}
