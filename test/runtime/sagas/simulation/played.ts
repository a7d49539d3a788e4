import type { InMemoryTransaction, SagaDefinition } from 'potter-runtime/sagas';
import type { AttemptedNode } from '../../../../runtime/src/sagas/nodes/node.ts';
import type { ParticipantCalls } from './participants.ts';

type Execute = (attempt: { readonly key: string; readonly signal: AbortSignal }) => unknown;
type Write = (attempt: { readonly tx: InMemoryTransaction; readonly key: string }) => unknown;

/**
 * The definitions of one process: shapes that are built once, because a simulation makes very many, with steps that reach the
 * participants as that process does.
 */
export class Played {
  readonly #execute: Execute;
  readonly #compensate: Execute;
  readonly #write: Write;
  /** Versions of a saga may have the same one within them. */
  readonly #made = new Map<object, unknown>();

  constructor(calls: ParticipantCalls) {
    this.#execute = ({ key, signal }) => calls.call(key, signal);
    this.#compensate = ({ key, signal }) => calls.undo(key, signal);
    this.#write = ({ tx, key }) => calls.write(tx, key);
  }

  of<Definition extends SagaDefinition<unknown, never>>(shape: Definition): Definition {
    const made = (this.#made.get(shape) ?? this.#make(shape)) as Definition;
    this.#made.set(shape, made);
    return made;
  }

  #make<Definition extends SagaDefinition<unknown, never>>(shape: Definition): Definition {
    const attempted = [...shape.attempted].map(([path, node]): [string, AttemptedNode] => {
      if (node.kind === 'child') return [path, { ...node, definition: this.of(node.definition) }];
      const does =
        node.kind === 'transactional-step'
          ? { execute: this.#write, compensate: this.#write }
          : { execute: this.#execute, ...(node.compensate && { compensate: this.#compensate }) };
      return [path, { ...node, ...does } as AttemptedNode];
    });
    return { ...shape, attempted: new Map(attempted) };
  }
}
