import { exponentialBackoff } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga, type SagaDefinition, signal } from 'potter-runtime/sagas';
import { GraphBuilder } from '../../../../runtime/src/sagas/definition/graph-builder.ts';

/** What a journey is started with: which of its ways it goes. */
export interface JourneyInput {
  readonly checks: boolean;
  readonly undo: 'reverse' | 'parallel';
}

/**
 * What a deployment changes: nothing; names, and one step more at the end, so that every saga under way can go on; or a step in
 * the middle, so that those past it cannot.
 */
export type Change = 'none' | 'renamed' | 'inserted';

export const goAhead = signal('go-ahead');

/** Steps that must not refuse: past the pivot nothing is undone, and a person would be needed. */
export const PAST_PIVOT: ReadonlySet<string> = new Set(['after', 'more']);

/** Names of the same nodes in the first version and in the second. */
const NAMES = {
  1: { one: 'one', left: 'left', within: 'within' },
  2: { one: 'first', left: 'west', within: 'inside' },
} as const;

/** Steps that a person may go back to, of either version. */
export const REWINDS = ['one', 'first', 'left', 'right', 'within', 'inside', 'write', 'told'];

const policy = {
  retry: exponentialBackoff({ maxAttempts: 3, initialDelay: 50, maxDelay: 400 }),
  compensateRetry: exponentialBackoff({ maxAttempts: 1_000, initialDelay: 30, maxDelay: 200 }),
  timeout: 700,
} as const;

const nothing = (): null => null;
const step = { execute: nothing, compensate: nothing, ...policy };
const options = { snapshotEvery: 5, maxInterruptions: 1_000 };

const within = saga<null, InMemoryTransaction>('within', options)
  .step('inner', step)
  .transactionalStep('inner-write', step)
  .build();

const rename = {
  [NAMES[1].one]: NAMES[2].one,
  [NAMES[1].left]: NAMES[2].left,
  [NAMES[1].within]: NAMES[2].within,
};

/** A node of every kind; what its steps do is put in for each process. */
function shapeOf(undo: 'reverse' | 'parallel', version: 1 | 2, change: Change): SagaDefinition {
  const { one, left, within: inside } = NAMES[version];
  const late = { ...step, compensateWhen: 'forced', retry: policy.compensateRetry } as const;
  const begin = new GraphBuilder('journey', {
    ...options,
    timeout: '4s',
    version,
    ...(version === 2 && { migrateFrom: { 1: { rename } } }),
  }).step(one, step);
  const end = (change === 'inserted' ? begin.step('between', step) : begin)
    .parallel(
      'all',
      (all) =>
        all
          .branch((branch) => branch.step(left, step))
          .branch((branch) =>
            branch.step('right', step).choose('checks', (choice) =>
              choice.when(
                'checks',
                ({ input }) => (input as JourneyInput).checks,
                (checks) => checks.step('check', step),
              ),
            ),
          )
          .branch((branch) =>
            branch.child(inside, within, {
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
    .step('after', late);
  return (version === 1 ? end : end.step('more', late)).build();
}

const shapes = (undo: 'reverse' | 'parallel') => ({
  1: shapeOf(undo, 1, 'none'),
  renamed: shapeOf(undo, 2, 'renamed'),
  inserted: shapeOf(undo, 2, 'inserted'),
});

const SHAPES = { reverse: shapes('reverse'), parallel: shapes('parallel') };

/** The versions of the saga before and after a deployment. */
export function journeyShapes(
  undo: 'reverse' | 'parallel',
  change: Change,
): { readonly old: SagaDefinition; readonly next: SagaDefinition } {
  const all = SHAPES[undo];
  return { old: all[1], next: change === 'none' ? all[1] : all[change] };
}
