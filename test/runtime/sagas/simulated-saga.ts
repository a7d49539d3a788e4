import type { AttemptedNode } from '../../../runtime/src/sagas/nodes/node.ts';
import { exponentialBackoff } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga, type SagaDefinition, signal } from 'potter-runtime/sagas';

/** What the simulated saga is started with: which of its ways it goes. */
export interface SimulatedInput {
  readonly checks: boolean;
  readonly undo: 'reverse' | 'parallel';
}

export type SimulatedDefinition = SagaDefinition<SimulatedInput, InMemoryTransaction>;

/** How the steps of a simulated process reach their participants. */
export interface SimulatedParticipants {
  /** Calls a participant, which is slow, fails, refuses or answers late, as the seed says. */
  readonly call: (key: string, signal: AbortSignal) => Promise<string>;
  /** The same for an undo. */
  readonly undo: (key: string, signal: AbortSignal) => Promise<void>;
  /** Writes in the saga's own transaction. */
  readonly write: (tx: InMemoryTransaction, key: string) => Promise<void>;
}

export const goAhead = signal('go-ahead');

/** Steps that must not refuse: past the pivot nothing is undone, and a person would be needed. */
export const PAST_PIVOT: ReadonlySet<string> = new Set(['after']);

type Execute = (attempt: { readonly key: string; readonly signal: AbortSignal }) => unknown;
type Write = (attempt: { readonly tx: InMemoryTransaction; readonly key: string }) => unknown;

const policy = {
  retry: exponentialBackoff({ maxAttempts: 3, initialDelay: 50, maxDelay: 400 }),
  compensateRetry: exponentialBackoff({ maxAttempts: 1_000, initialDelay: 30, maxDelay: 200 }),
  timeout: 700,
} as const;

const nothing = (): null => null;

/** A node of every kind; what its steps do is put in by {@link simulatedSaga}. */
function shapeOf(undo: 'reverse' | 'parallel'): SimulatedDefinition {
  const step = { execute: nothing, compensate: nothing, ...policy };
  const options = { snapshotEvery: 5, maxInterruptions: 1_000 };
  const within = saga<null, InMemoryTransaction>('within', options)
    .step('inner', step)
    .transactionalStep('inner-write', step)
    .build();
  return saga<SimulatedInput, InMemoryTransaction>('simulated', { ...options, timeout: '4s' })
    .step('one', step)
    .parallel(
      'all',
      (all) =>
        all
          .step('left', step)
          .branch((branch) =>
            branch.step('right', step).when(
              'checks',
              ({ input }) => input.checks,
              (checks) => checks.step('check', step),
            ),
          )
          .branch((branch) =>
            branch.child('within', within, {
              input: nothing,
              ...policy,
              retry: policy.compensateRetry,
            }),
          ),
      { undo },
    )
    .transactionalStep('write', step)
    .sleep('pause', 120)
    .waitFor('told', goAhead, { timeout: '2s' })
    .pivot('pivot', { execute: nothing, retry: policy.retry, timeout: policy.timeout })
    .step('after', { ...step, compensateWhen: 'forced', retry: policy.compensateRetry })
    .build();
}

const SHAPES = { reverse: shapeOf('reverse'), parallel: shapeOf('parallel') };

/** The saga of one process. Made from a shape that is built once: a simulation makes very many. */
export function simulatedSaga(
  participants: SimulatedParticipants,
  undo: 'reverse' | 'parallel',
): SimulatedDefinition {
  return played(SHAPES[undo], participants);
}

function played<Definition extends SagaDefinition<unknown, never>>(
  definition: Definition,
  participants: SimulatedParticipants,
): Definition {
  const execute: Execute = ({ key, signal: stop }) => participants.call(key, stop);
  const compensate: Execute = ({ key, signal: stop }) => participants.undo(key, stop);
  const write: Write = ({ tx, key }) => participants.write(tx, key);
  const attempted = new Map(
    [...definition.attempted].map(([path, node]): [string, AttemptedNode] => {
      if (node.kind === 'child') {
        return [path, { ...node, definition: played(node.definition, participants) }];
      }
      const does =
        node.kind === 'transactional-step'
          ? { execute: write, compensate: write }
          : { execute, ...(node.compensate && { compensate }) };
      return [path, { ...node, ...does } as AttemptedNode];
    }),
  );
  return { ...definition, attempted };
}
