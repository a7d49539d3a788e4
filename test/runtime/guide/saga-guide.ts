// The code of docs/sagas.md: what stands between two region marks is shown there, and run by the test beside this file.
import { readFileSync } from 'node:fs';
import { Rejection } from 'potter-runtime/errors';
import { exponentialBackoff } from 'potter-runtime/foundation';
import {
  checkCompat,
  type DefinitionDescription,
  type InMemoryTransaction,
  saga,
  type SagaDefinition,
  signal,
  type TwoPhaseCoordinator,
} from 'potter-runtime/sagas';
import {
  disturbEverywhere,
  type DisturbReport,
  FakeParticipant,
  type LedgerClient,
} from 'potter-runtime/testing';

export interface Order {
  readonly orderId: string;
  readonly amountCents: number;
  readonly country: string;
  readonly carrier: 'blue' | 'red';
}

interface Call {
  readonly idempotencyKey: string;
  readonly signal?: AbortSignal;
}

/** Who does the work, somewhere else. */
export interface Services {
  reserve(orderId: string, call: Call): Promise<{ readonly reservationId: string }>;
  release(orderId: string, call: Call): Promise<void>;
  quote(country: string, call: Call): Promise<number>;
  capture(amountCents: number, call: Call): Promise<string>;
  ship(orderId: string, call: Call): Promise<string>;
}

export function firstSaga(services: Services): SagaDefinition<Order> {
  // #region first
  return saga<Order>('order-saga', { version: 1, timeout: '5m' })
    .step('reserve', {
      execute: ({ input, key, signal: stop }) =>
        services.reserve(input.orderId, { idempotencyKey: key, signal: stop }),
      compensate: ({ input, key }) => services.release(input.orderId, { idempotencyKey: key }),
      retry: exponentialBackoff({ maxAttempts: 5, initialDelay: '100ms', maxDelay: '5s' }),
      timeout: '30s',
    })
    .step('quote', {
      execute: ({ input, key }) => services.quote(input.country, { idempotencyKey: key }),
    })
    .step('note', {
      // What earlier steps returned is there under their names, with their types.
      execute: ({ results }) => `${results.reserve.reservationId} costs ${results.quote}`,
    })
    .build();
  // #endregion
}

export function parallelSaga(services: Services): SagaDefinition<Order> {
  // #region parallel
  return saga<Order>('checked-order')
    .parallel('checks', (checks) =>
      checks
        .step('quote', {
          execute: ({ input, key, signal: stop }) =>
            services.quote(input.country, { idempotencyKey: key, signal: stop }),
        })
        .branch((branch) =>
          branch
            .step('reserve', {
              execute: ({ input, key }) => services.reserve(input.orderId, { idempotencyKey: key }),
              compensate: ({ input, key }) =>
                services.release(input.orderId, { idempotencyKey: key }),
            })
            .step('label', { execute: ({ results }) => results.reserve.reservationId }),
        ),
    )
    .step('confirm', { execute: ({ results }) => [results.quote, results.label] })
    .build();
  // #endregion
}

const call = (carrier: string): { readonly execute: () => string } => ({
  execute: () => `called ${carrier}`,
});

export function choosingSaga(): SagaDefinition<Order> {
  const customs = { execute: () => 'cleared' };
  const verify = { execute: () => 'verified' };
  // #region choice
  return saga<Order>('choosing-order')
    .when(
      'is-large',
      ({ input }) => input.amountCents > 100_000,
      (branch) => branch.step('verify', verify),
      { skipped: 'The order is not large.' },
    )
    .choose('border', (choice) =>
      choice
        .when(
          'abroad',
          ({ input }) => input.country !== 'DE',
          (b) => b.step('customs', customs),
        )
        .otherwise((b) => b.step('no-customs', { execute: () => 'none needed' })),
    )
    .switch(
      'carrier',
      ({ input }) => input.carrier,
      (carrier) =>
        carrier
          .case('blue', (b) => b.step('call-blue', call('blue')))
          .case('red', (b) => b.step('call-red', call('red'))),
    )
    .step('end', {
      // A step that may have been skipped may have no result: the compiler asks what then.
      execute: ({ results }) => results.verify ?? 'not verified',
    })
    .build();
  // #endregion
}

// #region signal
export const approval = signal('approval', (value): { readonly by: string } => {
  if (typeof value === 'object' && value !== null && 'by' in value && value.by !== '') {
    return { by: String(value.by) };
  }
  throw new Rejection('INVALID_APPROVAL', 'An approval says by whom.');
});

export const patientSaga: SagaDefinition<Order> = saga<Order>('patient-order')
  .waitFor('approved', approval, { timeout: '2d' })
  .sleep('cooling-off', ({ input }) => (input.amountCents > 100_000 ? '1d' : '1h'))
  .step('go', { execute: ({ results }) => `approved by ${results.approved.by}` })
  .build();
// #endregion

export function pivotSaga(services: Services): SagaDefinition<Order> {
  // #region pivot
  const delivery = saga<{ readonly orderId: string }>('delivery')
    .step('ship', {
      execute: ({ input, key }) => services.ship(input.orderId, { idempotencyKey: key }),
    })
    .build();

  return saga<Order>('paid-order')
    .step('reserve', {
      execute: ({ input, key }) => services.reserve(input.orderId, { idempotencyKey: key }),
      compensate: ({ input, key }) => services.release(input.orderId, { idempotencyKey: key }),
    })
    .pivot('capture', {
      execute: ({ input, key }) => services.capture(input.amountCents, { idempotencyKey: key }),
    })
    .child('deliver', delivery, { input: ({ input }) => ({ orderId: input.orderId }) })
    .step('thank', { execute: ({ results }) => `shipped as ${results.deliver.results.ship}` })
    .build();
  // #endregion
}

export function transactionalSaga(written: string[]): SagaDefinition<Order, InMemoryTransaction> {
  // #region transactional
  return saga<Order, InMemoryTransaction>('booked-order')
    .transactionalStep('book', {
      // With PostgresSagaStore `tx` is a client inside a transaction; its writes and the journal's entry are one commit.
      execute: ({ tx, input }) => {
        tx.onCommit(() => void written.push(input.orderId));
        return 'booked';
      },
    })
    .build();
  // #endregion
}

export function warehouseSaga(
  coordinator: TwoPhaseCoordinator,
  released: string[],
): SagaDefinition<Order> {
  // #region two-phase
  return saga<Order>('warehouse-order')
    .twoPhaseCommit('reserve', {
      coordinator,
      branches: ({ input }) =>
        ['east', 'west'].map((participant) => ({ participant, work: { order: input.orderId } })),
      // Called only when all of them committed: before that, undoing is aborting, and the coordinator's.
      compensate: ({ result }) => void released.push(result.transactionId),
    })
    .step('quote', { execute: ({ results }) => results.reserve.transactionId })
    .build();
  // #endregion
}

// #region lock
export const lockedSaga: SagaDefinition<Order> = saga<Order>('locked-order', {
  lock: ({ input }) => `order:${input.orderId}`,
})
  .step('change', { execute: ({ input }) => input.orderId })
  .build();
// #endregion

// #region limits
export const limitedSaga: SagaDefinition<Order> = saga<Order>('limited-order', {
  limits: {
    concurrency: 50,
    perKey: { key: ({ input }) => input.country, concurrency: 10 },
    rate: { count: 100, per: '1m' },
  },
})
  .step('ask', { execute: ({ input }) => input.country })
  .build();
// #endregion

// #region migrate
export const movedSaga: SagaDefinition<Order> = saga<Order>('moved-order', {
  version: 2,
  migrateFrom: { 1: { rename: { bill: 'charge' } } },
})
  .step('charge', { execute: ({ input }) => input.amountCents })
  .step('thank', { execute: ({ input }) => input.orderId })
  .build();
// #endregion

/** What a test of a service says before a deployment. */
export function movedProblems(file: string): readonly string[] {
  // #region compat
  const deployed = JSON.parse(readFileSync(file, 'utf8')) as DefinitionDescription;
  const problems = checkCompat(deployed, movedSaga);
  return problems.map(({ message }) => message);
  // #endregion
}

/** The services of a test: whatever they do is in the ledger, once a key. */
function servicesOn(ledger: LedgerClient): Services {
  return {
    reserve: (orderId, { idempotencyKey: key }) =>
      ledger.apply(key, () => ({ reservationId: `r-${orderId}` })),
    release: (_orderId, { idempotencyKey: key }) => ledger.apply(key),
    quote: (_country, { idempotencyKey: key }) => ledger.apply(key, () => 490),
    capture: (_amountCents, { idempotencyKey: key }) => ledger.apply(key, () => 'p-1'),
    ship: (_orderId, { idempotencyKey: key }) => ledger.apply(key, () => 't-1'),
  };
}

/** What becomes of a saga whose calls arrive twice, late, or not at all. */
export function disturbedSaga(order: Order): Promise<DisturbReport> {
  // #region disturb
  return disturbEverywhere({
    scenario: (ledger) => ({ definition: firstSaga(servicesOn(ledger)), input: order }),
  });
  // #endregion
}

/** A payment service that does not answer its first call, and says no to the second. */
export function fakedSaga(): {
  readonly definition: SagaDefinition<Order>;
  readonly payments: FakeParticipant;
} {
  // #region fake
  const payments = new FakeParticipant().next('works-and-hangs', 'refuses');
  const definition = saga<Order>('paid-by-a-fake')
    .step('pay', {
      execute: ({ key, signal: stop }) => payments.apply(key, () => 'p-1', stop),
      compensate: ({ key }) => payments.apply(key),
      timeout: '2s',
    })
    .build();
  // #endregion
  return { definition, payments };
}
