import { type InMemoryTransaction, saga, signal } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { simpleRetry } from 'potter-runtime/foundation';
import { openWorld, unhurried } from '../saga-world.ts';
import { onStage, Stage } from '../stage.ts';

const approval = signal<string>('approval');

function row(stage: Stage) {
  return saga<null, InMemoryTransaction>('row')
    .step('a', stage.step('a'))
    .step('b', stage.step('b'))
    .step('c', {
      ...stage.step('c'),
      execute: async (context) => {
        await stage.step('c').execute(context);
        return context.results.b.toUpperCase();
      },
    })
    .build();
}

describe('a skip', () => {
  test('takes a step that gave up as done, with a result that those after it see; its undo stays', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    stage.let('b', 'defect');
    const { sagaId } = await world.settle(engine, definition, null);
    await engine.skip(sagaId, 'b', {
      definition,
      result: 'by hand',
      by: 'ann',
      reason: 'did it by phone',
    });
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'completed',
      results: { b: 'by hand', c: 'BY HAND' },
    });
    const { history } = await engine.history(sagaId);
    expect(history.filter(({ step }) => step === 'b')).toMatchObject([
      { status: 'failed', attempt: 1 },
      { status: 'skipped', error: { message: 'Skipped by ann: did it by phone.' } },
    ]);
    await engine.undo(sagaId);
    await world.settled(engine, sagaId);
    expect(stage.log.slice(-3)).toEqual(['c/undo', 'b/undo', 'a/undo']);
  });

  test('takes an undo that gave up as undone, and the rest is undone', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    stage.let('c', 'refuse');
    stage.let('undo b', 'refuse');
    const { sagaId, status } = await world.settle(engine, definition, null);
    expect(status).toBe('failed');
    await engine.skip(sagaId, 'b');
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'compensated',
      error: { code: 'REFUSED', step: 'c' },
    });
    expect(stage.log.slice(3)).toEqual(['c/undo', 'b/undo', 'a/undo']);
  });

  test('takes a step that waits for its next attempt as done', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const definition = saga<null, InMemoryTransaction>('patient')
      .step('a', {
        ...stage.step('a'),
        execute: () => {
          throw new Error('Not today.');
        },
        retry: simpleRetry({ maxAttempts: 9, delay: '1d' }),
      })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('1m');
    await engine.skip(sagaId, 'a');
    await world.clock.advance('1m');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'completed' });
  });

  test('ends a wait for a time, and one for a signal, with its value', async () => {
    const world = await openWorld();
    const definition = saga<null, InMemoryTransaction>('waits')
      .sleep('night', '1d')
      .waitFor('approved', approval)
      .step('z', { execute: ({ results }) => `${results.approved}!` })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('1m');
    await expect(engine.skip(sagaId, 'approved')).rejects.toThrow(/was not begun to be done/);
    await engine.skip(sagaId, 'night');
    await world.clock.advance('1m');
    await engine.skip(sagaId, 'approved', { definition, result: 'yes' });
    await world.clock.advance('1m');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'completed', results: { z: 'yes!' } });
  });

  test('of a child lets the parent go on; the child is undone with the parent all the same', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const child = saga<null, InMemoryTransaction>('child')
      .step('k', stage.step('k'))
      .waitFor('approved', approval)
      .build();
    const definition = saga<null, InMemoryTransaction>('parent')
      .child('kid', child, { input: () => null })
      .step('z', stage.step('z'))
      .build();
    const engine = await world.engine([definition]);
    stage.let('z', 'refuse');
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('1m');
    await engine.skip(sagaId, 'kid', {
      result: { sagaId: 'none', status: 'completed', results: {} },
    });
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'compensated' });
    expect(stage.log).toEqual(['k/do', 'z/do', 'z/undo', 'k/undo']);
    expect(await engine.get(`${sagaId}::kid`)).toMatchObject({ status: 'compensated' });
  });

  test('of the undo of a child that cannot be undone lets the parent finish', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const child = saga<null, InMemoryTransaction>('child').step('k', stage.step('k')).build();
    const definition = saga<null, InMemoryTransaction>('parent')
      .child('kid', child, { input: () => null })
      .step('z', stage.step('z'))
      .build();
    const engine = await world.engine([definition]);
    stage.let('z', 'refuse');
    stage.let('undo k', 'refuse');
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('1m');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'compensating', currentStep: 'kid' });
    expect(await engine.get(`${sagaId}::kid`)).toMatchObject({ status: 'failed' });
    await engine.skip(sagaId, 'kid');
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'compensated' });
  });

  test('of a pivot takes it as passed: nothing is undone from there on', async () => {
    const { world, stage, definition, engine } = await onStage((stage) =>
      saga<null, InMemoryTransaction>('paid')
        .step('a', stage.step('a'))
        .pivot('p', {
          execute: () => Promise.reject(new TypeError('bug')),
          retry: stage.step('p').retry,
        })
        .step('z', { ...stage.step('z'), compensateWhen: 'forced' })
        .build(),
    );
    stage.let('z', 'refuse');
    const { sagaId } = await world.settle(engine, definition, null);
    await engine.skip(sagaId, 'p');
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'failed',
      error: { step: 'z' },
    });
    expect(stage.log).toEqual(['a/do', 'z/do']);
    await expect(engine.cancel(sagaId)).rejects.toMatchObject({ code: 'SAGA_PAST_PIVOT' });
  });

  test('long after a saga failed does not find it out of time', async () => {
    const { world, stage, definition, engine } = await onStage(
      (stage) =>
        saga<null, InMemoryTransaction>('timed', { timeout: '1m' })
          .step('a', stage.step('a'))
          .step('b', stage.step('b'))
          .build(),
      unhurried,
    );
    stage.let('a', 'defect');
    const { sagaId } = await world.settle(engine, definition, null);
    await world.clock.advance('10m');
    await engine.skip(sagaId, 'a');
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'completed' });
  });

  test('is refused for a step that runs, is done, is no step, or is unknown', async () => {
    const { world, stage, definition, engine } = await onStage((stage) =>
      saga<null, InMemoryTransaction>('fork')
        .step('a', stage.step('a'))
        .parallel('both', (both) => both.step('l', stage.step('l')).step('r', stage.step('r')))
        .build(),
    );
    stage.let('l', 'hold');
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('1s');
    const refused = { code: 'SAGA_OPERATION_REFUSED' };
    await expect(engine.skip(sagaId, 'l')).rejects.toMatchObject(refused);
    await expect(engine.skip(sagaId, 'l')).rejects.toThrow(/'l' is being done now/);
    await expect(engine.skip(sagaId, 'a')).rejects.toThrow(/'a' is done already/);
    await expect(engine.skip(sagaId, 'both')).rejects.toThrow(/'both' is a parallel/);
    await expect(engine.skip(sagaId, 'x')).rejects.toMatchObject({ code: 'SAGA_STEP_UNKNOWN' });
    stage.release('l');
    await world.settled(engine, sagaId);
    await expect(engine.skip(sagaId, 'a')).rejects.toMatchObject({ code: 'SAGA_ALREADY_FINISHED' });
  });

  test('that comes too late is in the journal as ignored, and changes nothing', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    stage.let('b', 'hold');
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('1s');
    // As if it had been posted when the step waited: the engine would refuse it by now.
    const at = world.clock.now();
    await world.store.post(sagaId, { kind: 'skip', step: 'b', messageId: 'late', at, by: 'ann' });
    await world.clock.advance('1s');
    stage.release('b');
    expect(await world.settled(engine, sagaId)).toMatchObject({ results: { b: 'b done' } });
    expect(await world.events(sagaId)).toContainEqual(
      expect.objectContaining({
        type: 'MessageIgnored',
        kind: 'skip',
        by: 'ann',
        why: "Step 'b' is being done now.",
      }),
    );
  });
});
