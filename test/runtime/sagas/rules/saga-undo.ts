import { type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { interceptSagaStore } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { openWorld, signalled } from '../saga-world.ts';
import { onStage, type Stage } from '../stage.ts';

function row(stage: Stage) {
  return saga<null, InMemoryTransaction>('row')
    .step('a', stage.step('a'))
    .step('b', stage.step('b'))
    .build();
}

function pivoted(stage: Stage) {
  return saga<null, InMemoryTransaction>('pivoted')
    .step('a', stage.step('a'))
    .pivot('p', { execute: () => 'p' })
    .step('f', { ...stage.step('f'), compensateWhen: 'forced' })
    .step('z', { ...stage.step('z'), compensateWhen: 'forced' })
    .build();
}

describe('an undo', () => {
  test('of a completed saga undoes all of it', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    const { sagaId } = await world.settle(engine, definition, null);
    await engine.undo(sagaId, { by: 'ann', messageId: 'once' });
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'compensated',
      error: { code: 'SAGA_UNDONE' },
    });
    expect(stage.log).toEqual(['a/do', 'b/do', 'b/undo', 'a/undo']);
    expect(await engine.undo(sagaId, { messageId: 'once' })).toEqual({ sagaId });
    await expect(engine.undo(sagaId)).rejects.toMatchObject({ code: 'SAGA_ALREADY_FINISHED' });
  });

  test('of a saga under way is a cancel', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    stage.let('b', 'hold');
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('1s');
    await engine.undo(sagaId, { force: true });
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'compensated',
      error: { code: 'SAGA_CANCELLED' },
    });
  });

  test('of a completed saga survives the death of the process in the middle of it', async () => {
    const { world, stage, definition, engine } = await onStage(row);
    const { sagaId } = await world.settle(engine, definition, null);
    stage.let('undo a', 'hold');
    await engine.undo(sagaId);
    await world.clock.advance('1s');
    await world.kill('worker-1');
    stage.let('undo a');
    const next = await world.engine([definition]);
    expect(await world.settled(next, sagaId)).toMatchObject({ status: 'compensated' });
    expect(stage.log).toEqual(['a/do', 'b/do', 'b/undo', 'a/undo', 'a/undo']);
  });

  test('past the pivot is refused, and forced undoes also what is kept for that', async () => {
    const { world, stage, definition, engine } = await onStage(pivoted);
    const { sagaId } = await world.settle(engine, definition, null);
    await expect(engine.undo(sagaId)).rejects.toMatchObject({ code: 'SAGA_PAST_PIVOT' });
    await engine.undo(sagaId, { force: true, reason: 'court order' });
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'compensated' });
    expect(stage.log).toEqual(['a/do', 'f/do', 'z/do', 'z/undo', 'f/undo', 'a/undo']);
    expect(await world.events(sagaId)).toContainEqual(
      expect.objectContaining({ type: 'UndoRequested', forced: true, reason: 'court order' }),
    );
  });

  test('forces a failed saga back past its pivot; a failed undo of that waits for a person', async () => {
    const { world, stage, definition, engine } = await onStage(pivoted);
    stage.let('z', 'refuse');
    stage.let('undo f', 'refuse');
    const { sagaId, status } = await world.settle(engine, definition, null);
    expect(status).toBe('failed');
    await engine.undo(sagaId, { force: true });
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'failed',
      error: { step: 'f' },
    });
    stage.let('undo f');
    await engine.resume(sagaId);
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'compensated' });
    expect(stage.log).toEqual(['a/do', 'f/do', 'z/do', 'z/undo', 'f/undo', 'f/undo', 'a/undo']);
  });

  test('forces a saga back that does not get on: once it is paused, and after what runs has ended', async () => {
    const { world, stage, definition, engine } = await onStage(pivoted);
    stage.let('f', 'hold');
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('1s');
    await expect(engine.undo(sagaId, { force: true })).rejects.toThrow(/Pause it first/);
    await engine.pause(sagaId);
    await world.clock.advance('1s');
    await engine.undo(sagaId, { force: true });
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'compensated',
      paused: false,
    });
    expect(stage.log).toEqual(['a/do', 'f/do', 'f/undo', 'a/undo']);
  });
});

test('an end that was undone before it could be told is none: who waits for the saga waits for the next', async () => {
  const { world, stage, definition, engine } = await onStage(row);
  const { sagaId } = await world.settle(engine, definition, null);
  const undoing = signalled();
  let loads = 0;
  const store = interceptSagaStore(world.store, async (call, proceed) => {
    if (call.method !== 'load' || (loads += 1) !== 2) return proceed();
    stage.let('undo b', 'hold');
    await engine.undo(sagaId);
    await world.clock.advance('1s');
    undoing.resolve();
    return proceed();
  });
  const settled = world.idle([definition], { store }).settled(sagaId);
  await undoing.promise;
  stage.release('undo b');
  expect(await world.clock.settle(settled)).toMatchObject({ status: 'compensated' });
});

test('what an undo returns is nobody’s: it need not have a JSON form', async () => {
  const world = await openWorld();
  const definition = saga<null, InMemoryTransaction>('answers')
    .step('a', { execute: () => 'a', compensate: () => new Map() })
    .transactionalStep('b', { execute: () => 'b', compensate: () => () => {} })
    .build();
  const engine = await world.engine([definition]);
  const { sagaId } = await world.settle(engine, definition, null);
  await engine.undo(sagaId);
  expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'compensated' });
});
