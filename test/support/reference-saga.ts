import type { Duration } from '../../runtime/src/foundation/duration.ts';
import { exponentialBackoff } from '../../runtime/src/foundation/backoff.ts';
import { saga } from '../../runtime/src/sagas/definition/saga.ts';
import type { SagaDefinition } from '../../runtime/src/sagas/definition/saga-definition.ts';
import type { SagaEngine } from '../../runtime/src/sagas/saga-engine.ts';
import { isPotterError } from '../../runtime/src/errors/potter-error.ts';
import { TOGETHER } from './reference-together.ts';
import type { TwoPhaseExecutor } from '../../runtime/src/sagas/two-phase-commit/coordinator.ts';
import { signal } from '../../runtime/src/sagas/definition/signal.ts';

/** What the saga is started with. */
export interface ReferenceInput {
  readonly items: number;
}

/** How its steps reach their participants. */
export interface ReferenceParticipants<Tx> {
  /** Has an effect once per key, and answers the same each time. */
  readonly apply: (key: string) => Promise<string>;
  /** The same, in the saga's own transaction. */
  readonly applyIn: (tx: Tx, key: string) => Promise<void> | void;
  /** Decides for the step of several participants. Left out: there is no such step. */
  readonly together?: TwoPhaseExecutor;
}

/** How fast it is. */
export interface ReferencePace {
  readonly sleep: Duration;
  readonly patience: Duration;
  readonly firstRetry: Duration;
}

export const approval = signal<{ readonly by: string }>('approval');

/** Tells a saga what it waits for, once; one that is over has been told. */
export async function approve<Tx>(
  engine: Pick<SagaEngine<Tx>, 'signal'>,
  sagaId: string,
): Promise<void> {
  await engine
    .signal(sagaId, approval, { by: 'Ann' }, { messageId: 'approved' })
    .catch((error: unknown) => {
      if (!isPotterError(error, 'SAGA_ALREADY_FINISHED')) throw error;
    });
}

/** Steps of the reference saga, in the order in which they start when all goes well. */
export const REFERENCE_STEPS = [
  'reserve',
  'quote-a',
  'quote-b',
  'quote-c',
  'choose-b',
  'verify',
  'charge',
  'note',
  'commit-order',
  'notify',
] as const;

const VIRTUAL: ReferencePace = { sleep: '1m', patience: '1h', firstRetry: '1s' };

/**
 * The saga that crashes, outages and simulations are tried on: one node of every kind, everything before its pivot undone
 * when something refuses.
 */
export function referenceSaga<Tx>(
  { apply, applyIn, together }: ReferenceParticipants<Tx>,
  pace: ReferencePace = VIRTUAL,
): SagaDefinition<ReferenceInput, Tx> {
  const retry = exponentialBackoff({
    maxAttempts: 30,
    initialDelay: pace.firstRetry,
    maxDelay: '1m',
  });
  const policy = { retry, compensateRetry: retry };
  const step = {
    execute: ({ key }: { readonly key: string }) => apply(key),
    compensate: ({ key }: { readonly key: string }) => apply(key),
    ...policy,
  };
  const delivery = saga<ReferenceInput, Tx>('reference-delivery', { snapshotEvery: 4 })
    .step('pack', step)
    .transactionalStep('send', {
      execute: async ({ tx, key }) => {
        await applyIn(tx, key);
        return key;
      },
      compensate: ({ tx, key }) => applyIn(tx, key),
      ...policy,
    })
    .build();
  const charged = saga<ReferenceInput, Tx>('reference', { snapshotEvery: 5 })
    .step('reserve', step)
    .parallel('quotes', (quotes) =>
      quotes
        .step('quote-a', step)
        .branch((branch) => branch.step('quote-b', step).step('choose-b', step))
        .step('quote-c', step),
    )
    .when(
      'is-large',
      ({ input }) => input.items > 1,
      (large) => large.step('verify', step),
    )
    .when(
      'is-huge',
      ({ input }) => input.items > 1_000,
      (huge) => huge.step('insure', step),
    )
    .sleep('cool-off', pace.sleep)
    .child('deliver', delivery, {
      // A clock and chance are as good in a definition as anywhere: what is asked again may answer differently.
      input: ({ input }) => ({ ...input, asked: `${Date.now()} ${Math.random()}` }),
      ...policy,
    })
    .waitFor('approved', approval, { timeout: pace.patience })
    .step('charge', {
      ...step,
      execute: ({ key, results }) =>
        apply(key).then((answer) => `${answer} for ${results.approved.by}`),
    });
  const reserved = together
    ? // The steps after it do not look at its result.
      (charged.twoPhaseCommit('together', {
        coordinator: together,
        branches: ({ input }) => TOGETHER.map((participant) => ({ participant, work: input })),
        compensate: ({ key }) => apply(key),
        ...policy,
      }) as unknown as typeof charged)
    : charged;
  return reserved
    .transactionalStep('note', {
      execute: async ({ tx, key }) => {
        await applyIn(tx, key);
        return null;
      },
      compensate: ({ tx, key }) => applyIn(tx, key),
      ...policy,
    })
    .pivot('commit-order', { execute: step.execute, retry })
    .step('notify', { execute: step.execute, retry })
    .build();
}
