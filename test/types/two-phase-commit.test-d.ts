import { expectTypeOf } from 'expect-type';
import {
  branch,
  saga,
  type TwoPhaseCoordinator,
  type TwoPhaseParticipant,
  type TwoPhaseResult,
} from 'potter-runtime/sagas';

interface Work {
  readonly sku: string;
  readonly quantity: number;
}
declare const coordinator: TwoPhaseCoordinator;
declare const east: TwoPhaseParticipant<Work>;
declare const services: { release(transactionId: string, quantity: number): void };

saga<{ readonly quantity: number }>('warehouses')
  .step('price', { execute: () => 12 })
  .twoPhaseCommit('reserve', {
    coordinator,
    branches: ({ input, results, key }) => {
      expectTypeOf(results.price).toEqualTypeOf<number>();
      expectTypeOf(key).toEqualTypeOf<`${string}/do`>();
      // @ts-expect-error work of another form than the participant takes does not compile
      branch(east, { sku: 1 });
      return [branch(east, { sku: 'sku-1', quantity: input.quantity })];
    },
    compensate: ({ result, outcome, input, key }) => {
      // It was committed, or nothing is to be undone: there is always a result.
      expectTypeOf(outcome).toEqualTypeOf<'done'>();
      expectTypeOf(result).toEqualTypeOf<TwoPhaseResult>();
      expectTypeOf(key).toEqualTypeOf<`${string}/undo`>();
      services.release(result.transactionId, input.quantity);
    },
  })
  .step('after', {
    execute: ({ results }) => {
      expectTypeOf(results.reserve).toEqualTypeOf<TwoPhaseResult>();
    },
  })
  .build();

const pivoted = saga('pivoted').pivot('capture', { execute: () => 1 });
// @ts-expect-error past the pivot nothing is undone
pivoted.twoPhaseCommit('reserve', { coordinator, branches: () => [], compensate: () => {} });
pivoted.twoPhaseCommit('reserve', {
  coordinator,
  branches: () => [],
  compensate: () => {},
  compensateWhen: 'forced',
});
