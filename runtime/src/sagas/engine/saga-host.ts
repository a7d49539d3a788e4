import { PotterError } from '../../errors/potter-error.ts';
import type { SagaDefinition } from '../definition/saga-definition.ts';
import type { SagaState } from '../machine/saga-state.ts';
import type { ChildNode } from '../nodes/child.ts';
import type { Invocation } from '../nodes/node-handler.ts';

/** What a saga needs of the engine that owns it. */
export interface SagaHost {
  /** Fires when the lease under which this saga is owned is lost. */
  readonly alive: AbortSignal;
  /** Whether sagas are to be given away as soon as nothing of theirs runs. */
  isStopping(): boolean;
  /** Starts the saga of a `child` node, or finds it started. @param held keys that it need not wait for */
  startChild(node: ChildNode, invocation: Invocation, held: readonly string[]): Promise<void>;
  /** Asks that saga to be undone; one that was never started never will be. */
  undoChild(node: ChildNode, invocation: Invocation): Promise<void>;
  /** Tells the saga that began this one how it ended. Repeatable. */
  tellParent(sagaId: string, state: SagaState): Promise<void>;
  /** The saga gave up: it is durable that a person must look. */
  needsPerson(sagaId: string, state: SagaState): void;
  /** The saga is no longer owned: given back or over, lost, or dropped although the store may think it is still owned. */
  gone(
    saga: { readonly sagaId: string; readonly definition: SagaDefinition },
    how: 'released' | 'lost' | 'failed',
  ): void;
}

/** What an attempt is told when its saga is not this process's any more. */
export function sagaLost(sagaId: string): PotterError {
  return new PotterError('SAGA_LEASE_LOST', {
    message: `Saga ${sagaId} is no longer this process's to run.`,
    remedy: 'Another process goes on with it; stop what you are doing for it.',
    details: { sagaId },
  });
}
