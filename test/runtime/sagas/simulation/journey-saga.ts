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

/** What differs from one simulation to the other in a journey as it is defined. */
export interface JourneyShape {
  readonly undo: 'reverse' | 'parallel';
  /** Whether an undo that has failed a few times gives up, and the saga with it. */
  readonly givesUp: boolean;
}

/** Steps that must not refuse: past the pivot nothing is undone, and a person would be needed. */
export const PAST_PIVOT: ReadonlySet<string> = new Set(['after', 'more']);

/** Names of the same nodes in the first version and in the second. */
const NAMES = {
  1: { one: 'one', left: 'left', within: 'within' },
  2: { one: 'first', left: 'west', within: 'inside' },
} as const;

/** Steps that a person may go back to, of either version. */
export const REWINDS = ['one', 'first', 'left', 'right', 'within', 'inside', 'write', 'told'];

const retry = exponentialBackoff({ maxAttempts: 3, initialDelay: 50, maxDelay: 400 });
const undoRetry = { initialDelay: 30, maxDelay: 200 };
const untilItIsDone = exponentialBackoff({ maxAttempts: 1_000, ...undoRetry });
const timeout = 700;

const nothing = (): null => null;

/** How steps are done and undone, what becomes of a saga whose undo gives up, and the saga within. */
function partsOf(givesUp: boolean) {
  const policy = {
    retry,
    compensateRetry: givesUp ? exponentialBackoff({ maxAttempts: 3, ...undoRetry }) : untilItIsDone,
    timeout,
  };
  const step = { execute: nothing, compensate: nothing, ...policy };
  const onCompensationFailure = givesUp ? 'fail' : 'pause';
  const options = { snapshotEvery: 5, maxInterruptions: 1_000, onCompensationFailure } as const;
  const within = saga<null, InMemoryTransaction>('within', options)
    .step('inner', step)
    .transactionalStep('inner-write', step)
    .build();
  return { policy, step, options, within };
}

const UNTIL_DONE = partsOf(false);
const GIVES_UP = partsOf(true);

const rename = {
  [NAMES[1].one]: NAMES[2].one,
  [NAMES[1].left]: NAMES[2].left,
  [NAMES[1].within]: NAMES[2].within,
};

/** A node of every kind; what its steps do is put in for each process. */
function shapeOf({ undo, givesUp }: JourneyShape, version: 1 | 2, change: Change): SagaDefinition {
  const { one, left, within: inside } = NAMES[version];
  const { policy, step, options, within } = givesUp ? GIVES_UP : UNTIL_DONE;
  const late = { ...step, compensateWhen: 'forced', retry: untilItIsDone } as const;
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
            branch.child(inside, within, { input: nothing, ...policy, retry: untilItIsDone }),
          ),
      { undo },
    )
    .transactionalStep('write', step)
    .sleep('pause', 120)
    .waitFor('told', goAhead, { timeout: '2s' })
    .pivot('pivot', { execute: nothing, retry, timeout })
    .step('after', late);
  return (version === 1 ? end : end.step('more', late)).build();
}

const versionsOf = (shape: JourneyShape) => ({
  1: shapeOf(shape, 1, 'none'),
  renamed: shapeOf(shape, 2, 'renamed'),
  inserted: shapeOf(shape, 2, 'inserted'),
});

/** Built once, because a simulation is very short. */
const SHAPES = {
  reverse: {
    untilDone: versionsOf({ undo: 'reverse', givesUp: false }),
    givesUp: versionsOf({ undo: 'reverse', givesUp: true }),
  },
  parallel: {
    untilDone: versionsOf({ undo: 'parallel', givesUp: false }),
    givesUp: versionsOf({ undo: 'parallel', givesUp: true }),
  },
};

/** The versions of the saga before and after a deployment. */
export function journeyShapes(
  { undo, givesUp }: JourneyShape,
  change: Change,
): { readonly old: SagaDefinition; readonly next: SagaDefinition } {
  const all = SHAPES[undo][givesUp ? 'givesUp' : 'untilDone'];
  return { old: all[1], next: change === 'none' ? all[1] : all[change] };
}
