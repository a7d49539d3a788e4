import { Rejection } from 'potter-runtime/errors';
import { type InMemoryTransaction, saga, type SagaDefinition } from 'potter-runtime/sagas';
import { expect, test } from 'vitest';
import { openWorld } from '../saga-world.ts';

/** A saga whose start placed something, and what was undone, in order. */
function example(): {
  readonly definition: SagaDefinition<{ readonly refuse: boolean }, InMemoryTransaction>;
  readonly undone: string[];
} {
  const undone: string[] = [];
  const definition = saga<{ readonly refuse: boolean }, InMemoryTransaction>('placed')
    .alreadyDone('place', {
      compensate: ({ tx, cause, key }) =>
        tx.onCommit(() => undone.push(`place: ${cause.code} ${key.split('/').slice(1).join('/')}`)),
    })
    .step('reserve', { execute: () => 'reserved', compensate: () => undone.push('reserve') })
    .step('pay', {
      execute: ({ input }) => {
        if (input.refuse) throw new Rejection('DECLINED', 'No.');
      },
    })
    .build();
  return { definition, undone };
}

test('what was already done is undone last, told why', async () => {
  const { definition, undone } = example();
  const world = await openWorld();
  const engine = await world.engine([definition]);
  const { sagaId } = await engine.start(definition, { refuse: true });
  expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'compensated' });
  expect(undone).toEqual(['reserve', 'place: DECLINED place/undo']);
  const { history } = await engine.history(sagaId);
  expect(history.at(-1)).toMatchObject({
    step: 'place',
    kind: 'compensation',
    status: 'compensated',
  });
  expect(await engine.diagram(sagaId)).toContain('undo place');
});

test('it is undone also when the saga was cancelled before its first step', async () => {
  const { definition, undone } = example();
  const world = await openWorld();
  const engine = world.idle([definition]);
  const { sagaId } = await engine.start(definition, { refuse: false });
  await engine.cancel(sagaId);
  await engine.run();
  expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'compensated' });
  expect(undone).toEqual(['place: SAGA_CANCELLED place/undo']);
});

test('it is no step of a saga that completes', async () => {
  const { definition, undone } = example();
  const world = await openWorld();
  const engine = await world.engine([definition]);
  const { sagaId } = await engine.start(definition, { refuse: false });
  expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'completed' });
  expect((await engine.history(sagaId)).history.map(({ step }) => step)).toEqual([
    'reserve',
    'pay',
  ]);
  expect(undone).toEqual([]);
  const diagram = await engine.diagram(sagaId);
  expect(diagram).toContain('class n1 done');
});

test('it comes before every step, and is not enough for a saga', () => {
  const undo = { compensate: () => undefined };
  const late = () =>
    saga('late')
      .step('one', { execute: () => 1 })
      .alreadyDone('zero', undo);
  expect(late).toThrow(/SAGA_DEFINITION_INVALID/);
  expect(() => saga('empty').alreadyDone('zero', undo).build()).toThrow(/has no steps/);
});
