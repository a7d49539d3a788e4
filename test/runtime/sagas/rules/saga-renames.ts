import { noRetry } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga, type SagaOptions } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld } from '../saga-world.ts';
import { Stage } from '../stage.ts';

const NEW = { a: 'eh', b: 'bee', last: 'end' } as const;

/** Three steps under their old names, or under the new ones of a version that takes the old one over. */
function versions(stage: Stage, options: SagaOptions) {
  // The stage knows a step by one name, whatever it is called.
  const [a, b, last] = [stage.step('a'), stage.step('b'), stage.step('last')];
  return {
    old: saga<null, InMemoryTransaction>('renamed', { ...options, version: 1 })
      .step('a', a)
      .step('b', b)
      .step('last', last)
      .build(),
    next: saga<null, InMemoryTransaction>('renamed', {
      ...options,
      version: 2,
      migrateFrom: { 1: { rename: NEW } },
    })
      .step(NEW.a, a)
      .step(NEW.b, b)
      .step(NEW.last, last)
      .build(),
  };
}

describe('a saga whose steps are renamed', () => {
  test('while it waits for a person tells where, why and what remains by the new names', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const { old, next } = versions(stage, {});
    const first = await world.engine([old]);
    stage.let('last', 'refuse');
    stage.let('undo b', 'refuse');
    const { sagaId } = await world.settle(first, old, null);
    await world.clock.settle(first.stop());
    const engine = await world.engine([next]);
    // Whoever takes it up to note this takes its version over.
    await engine.edit(sagaId, null);
    await world.clock.advance('2s');
    expect(await engine.get(sagaId)).toMatchObject({
      status: 'failed',
      definitionVersion: 2,
      currentStep: 'bee',
      error: { step: 'bee' },
      remaining: ['eh', 'bee'],
    });
    await engine.skip(sagaId, 'bee');
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'compensated',
      error: { code: 'REFUSED', step: 'end' },
    });
    expect(stage.log).toEqual(['a/do', 'b/do', 'last/do', 'last/undo', 'b/undo', 'a/undo']);
  });

  test('after an undo gave up that the rest was not to wait for names it by its new name', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const { old, next } = versions(stage, { onCompensationFailure: 'continue' });
    const first = await world.engine([old]);
    stage.let('last', 'refuse');
    stage.let('undo b', 'refuse');
    stage.let('undo a', 'hold');
    const { sagaId } = await first.start(old, null);
    await world.clock.advance('1s');
    await world.clock.settle(first.stop({ timeout: 0 }));
    stage.let('undo a');
    const engine = await world.engine([next]);
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'failed',
      error: { step: 'bee' },
      remaining: ['bee'],
    });
  });

  test('while it is rewound goes on from the step that it was rewound to', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const { old, next } = versions(stage, {});
    const first = await world.engine([old]);
    stage.let('last', 'defect');
    const { sagaId } = await world.settle(first, old, null);
    stage.let('last');
    stage.let('undo b', 'hold');
    await first.rewind(sagaId, 'b');
    await world.clock.advance('1s');
    await world.clock.settle(first.stop({ timeout: 0 }));
    stage.let('undo b');
    const engine = await world.engine([next]);
    expect((await world.settled(engine, sagaId)).status).toBe('completed');
    // What was done again has its new name in its key; what was begun before keeps the old one.
    expect([...new Set(stage.log)]).toEqual([
      'a/do',
      'b/do',
      'last/do',
      'last/undo',
      'b/undo',
      'bee~1/do',
      'end~1/do',
    ]);
  });

  test('of a choice that has not the way any more that was taken stands still', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const of = (way: string) =>
      saga<null, InMemoryTransaction>('ways')
        .choose('which', (ways) =>
          ways.when(
            way,
            () => true,
            (b) => b.sleep('night', '1h').step('after', { ...stage.step('after'), retry: noRetry }),
          ),
        )
        .build();
    const first = await world.engine([of('left')]);
    const { sagaId } = await first.start(of('left'), null);
    await world.clock.advance('1s');
    await world.clock.settle(first.stop());
    const changed = await world.engine([of('right')]);
    expect(await world.settled(changed, sagaId)).toMatchObject({
      status: 'failed',
      error: { code: 'SAGA_DEFINITION_CHANGED' },
    });
    expect(stage.log).toEqual([]);
  });
});
