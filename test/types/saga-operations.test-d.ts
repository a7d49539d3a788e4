import { expectTypeOf } from 'expect-type';
import { type InMemoryTransaction, saga, type SagaEngine, signal } from 'potter-runtime/sagas';

declare const engine: SagaEngine<InMemoryTransaction>;

const order = saga<{ readonly n: number }, InMemoryTransaction>('order')
  .step('reserve', { execute: () => ({ id: 'r-1' }) })
  .transactionalStep('write', { execute: () => 7 })
  .waitFor('approved', signal<string>('approval'))
  .build();

// With the definition a skip takes its steps and their results, and nothing else.
void engine.skip('o-1', 'reserve', { definition: order, result: { id: 'by hand' } });
void engine.skip('o-1', 'write', { definition: order, result: 8 });
void engine.skip('o-1', 'approved', { definition: order, result: 'Ann' });
// @ts-expect-error a number is what it results in
void engine.skip('o-1', 'write', { definition: order, result: 'eight' });
// @ts-expect-error there is no such step
void engine.skip('o-1', 'bill', { definition: order, result: 8 });

// Without it a skip takes any.
expectTypeOf(engine.skip('o-1', 'anything', { result: new Date() })).resolves.toEqualTypeOf<{
  readonly sagaId: string;
}>();

// What checks an input makes what the saga is started with.
saga<{ readonly n: number }>('parsed', { parseInput: (input) => ({ n: Number(input) }) });
// @ts-expect-error a text is no input of this saga
saga<{ readonly n: number }>('parsed', { parseInput: (input) => String(input) });
