import { expectTypeOf } from 'expect-type';
import type { PostgresTransaction } from 'potter-runtime/postgres';
import {
  createSagaEngine,
  InMemorySagaStore,
  type InMemoryTransaction,
  saga,
  type SagaDefinition,
} from 'potter-runtime/sagas';

interface OrderInput {
  readonly items: number;
}
interface Reservation {
  readonly reservationId: string;
}

const order = saga<OrderInput, PostgresTransaction>('order', { timeout: '5m' })
  .step('reserve-inventory', {
    execute: async ({ input, results, key, attempt, signal }): Promise<Reservation> => {
      expectTypeOf(input).toEqualTypeOf<OrderInput>();
      expectTypeOf(results).toEqualTypeOf<unknown>();
      expectTypeOf(key).toEqualTypeOf<`${string}/do`>();
      expectTypeOf(attempt).toEqualTypeOf<number>();
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
      return { reservationId: 'r-1' };
    },
    compensate: ({ outcome, result }) => {
      expectTypeOf(outcome).toEqualTypeOf<'done' | 'failed' | 'unknown'>();
      expectTypeOf(result).toEqualTypeOf<Reservation | undefined>();
      // @ts-expect-error what may never have happened has no result: the compiler asks what to do then
      void result.reservationId;
      if (outcome === 'done') expectTypeOf(result).toEqualTypeOf<Reservation>();
      else expectTypeOf(result).toEqualTypeOf<undefined>();
    },
  })
  .step('process-payment', {
    compensateWhen: 'completed',
    execute: ({ results }) => {
      // Results flow from step to step.
      expectTypeOf(results['reserve-inventory']).toEqualTypeOf<Reservation>();
      // @ts-expect-error a step sees only what was done before it
      void results['create-shipment'];
      return 12;
    },
    compensate: ({ outcome, result }) => {
      // Undone only when it was done, so there is always a result.
      expectTypeOf(outcome).toEqualTypeOf<'done'>();
      expectTypeOf(result).toEqualTypeOf<number>();
    },
  })
  .transactionalStep('complete-order', {
    execute: async ({ tx, results }) => {
      expectTypeOf(tx).toEqualTypeOf<PostgresTransaction>();
      expectTypeOf(results['process-payment']).toEqualTypeOf<number>();
    },
    compensate: ({ tx }) => {
      expectTypeOf(tx).toEqualTypeOf<PostgresTransaction>();
    },
  })
  .build();

// The input of a definition is known where it is started.
expectTypeOf(order).toExtend<SagaDefinition<OrderInput, PostgresTransaction>>();

const builder = saga<OrderInput>('twice').step('same', { execute: () => 1 });
// @ts-expect-error two steps of one name do not compile
builder.step('same', { execute: () => 2 });

const simple = saga<OrderInput>('simple')
  .step('only', { execute: () => 1 })
  .build();
const memory = new InMemorySagaStore();
const engine = createSagaEngine({ store: memory, definitions: [simple] });
void engine.start(simple, { items: 1 }, { sagaId: 'id' });
// @ts-expect-error an input of another form does not compile
void engine.start(simple, { items: 'one' });
// @ts-expect-error nor does one with something missing
void engine.start(simple, {});

// @ts-expect-error a definition that needs a database's transaction does not fit a store without one
createSagaEngine<InMemoryTransaction>({ store: memory, definitions: [order] });

// A store made on the spot fits as well.
createSagaEngine({ store: new InMemorySagaStore(), definitions: [simple] });
