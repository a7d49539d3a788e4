import { Rejection } from 'potter-runtime/errors';
import { type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { SagaWorld } from './saga-world.ts';

interface Story {
  readonly refuses?: 'child' | 'parent';
}

function family(log: string[]) {
  const step = (name: string, refuses: (input: Story) => boolean) => ({
    execute: ({ input }: { readonly input: Story }) => {
      if (refuses(input)) throw new Rejection('REFUSED', `No from ${name}.`);
      log.push(name);
      return name;
    },
    compensate: ({ outcome }: { readonly outcome: string }) =>
      void log.push(`undo ${name} ${outcome}`),
  });
  const child = saga<Story, InMemoryTransaction>('delivery')
    .step(
      'pack',
      step('pack', () => false),
    )
    .step(
      'send',
      step('send', ({ refuses }) => refuses === 'child'),
    )
    .build();
  const parent = saga<Story, InMemoryTransaction>('order')
    .step(
      'reserve',
      step('reserve', () => false),
    )
    .child('deliver', child, { input: ({ input }) => input })
    .step('bill', {
      ...step('bill', ({ refuses }) => refuses === 'parent'),
      execute: ({ input, results }) => {
        if (input.refuses === 'parent') throw new Rejection('REFUSED', 'No from bill.');
        return results.deliver.results.send;
      },
    })
    .build();
  return { parent, child };
}

describe('a saga within a saga', () => {
  test('runs under an id of its own, and its results are the parent’s', async () => {
    const world = new SagaWorld();
    const log: string[] = [];
    const { parent } = family(log);
    const engine = await world.engine([parent]);
    const done = await world.settle(engine, parent, {});
    expect(done).toMatchObject({ status: 'completed', results: { bill: 'send' } });
    expect(await engine.get(`${done.sagaId}.deliver`)).toMatchObject({
      status: 'completed',
      definition: 'delivery',
      correlationId: done.sagaId,
    });
    expect((await world.store.load(`${done.sagaId}.deliver`))?.summary.wakeAt).toBeNull();
  });

  test('that cannot be done undoes itself and then its parent', async () => {
    const world = new SagaWorld();
    const log: string[] = [];
    const { parent } = family(log);
    const engine = await world.engine([parent]);
    const undone = await world.settle(engine, parent, { refuses: 'child' });
    expect(undone).toMatchObject({
      status: 'compensated',
      error: { code: 'REFUSED', step: 'deliver' },
    });
    expect(log).toEqual([
      'reserve',
      'pack',
      'undo send failed',
      'undo pack done',
      'undo reserve done',
    ]);
  });

  test('is undone as a whole after it was completed, in one undo of its parent', async () => {
    const world = new SagaWorld();
    const log: string[] = [];
    const { parent } = family(log);
    const engine = await world.engine([parent]);
    const undone = await world.settle(engine, parent, { refuses: 'parent' });
    expect(undone).toMatchObject({
      status: 'compensated',
      error: { code: 'REFUSED', step: 'bill' },
    });
    expect(log).toEqual([
      'reserve',
      'pack',
      'send',
      'undo bill failed',
      'undo send done',
      'undo pack done',
      'undo reserve done',
    ]);
    expect(await engine.get(`${undone.sagaId}.deliver`)).toMatchObject({
      status: 'compensated',
      error: { code: 'SAGA_UNDONE' },
    });
    const { history } = await engine.history(undone.sagaId);
    expect(
      history.filter(({ step, kind }) => step === 'deliver' && kind === 'compensation'),
    ).toMatchObject([{ status: 'compensated' }]);
  });
});
