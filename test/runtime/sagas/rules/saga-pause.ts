import { type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld, unhurried } from '../saga-world.ts';
import { onStage, Stage } from '../stage.ts';

function threeSteps(stage: Stage, timeout?: '1m') {
  return saga<{ readonly n: number }, InMemoryTransaction>('three', timeout ? { timeout } : {})
    .step('a', stage.step('a'))
    .step('b', stage.step('b'))
    .step('c', stage.step('c'))
    .build();
}

describe('a pause', () => {
  test('lets the attempt that runs end and begins no other until resumed; who and why are in the journal', async () => {
    const { world, stage, definition, engine } = await onStage(threeSteps, unhurried);
    stage.let('a', 'hold');
    const { sagaId } = await engine.start(definition, { n: 1 });
    await engine.pause(sagaId, { by: 'ann', reason: 'incident 7' });
    await world.clock.advance('1s');
    stage.release('a');
    await world.clock.advance('10m');
    expect(stage.log).toEqual(['a/do']);
    expect(await engine.get(sagaId)).toMatchObject({ status: 'running', paused: true });
    expect(await world.events(sagaId)).toContainEqual(
      expect.objectContaining({ type: 'SagaPaused', by: 'ann', reason: 'incident 7' }),
    );
    await engine.resume(sagaId, { by: 'bob' });
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'completed',
      paused: false,
    });
    expect(stage.log).toEqual(['a/do', 'b/do', 'c/do']);
  });

  test('holds undoing too, and lets the undo that runs end', async () => {
    const { world, stage, definition, engine } = await onStage(threeSteps, unhurried);
    stage.let('c', 'refuse');
    stage.let('undo b', 'hold');
    const { sagaId } = await engine.start(definition, { n: 1 });
    await world.clock.advance('1s');
    await engine.pause(sagaId);
    await world.clock.advance('1s');
    stage.release('undo b');
    await world.clock.advance('10m');
    expect(stage.log).toEqual(['a/do', 'b/do', 'c/do', 'c/undo', 'b/undo']);
    expect(await engine.get(sagaId)).toMatchObject({ status: 'compensating', paused: true });
    await engine.resume(sagaId);
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'compensated' });
    expect(stage.log.at(-1)).toBe('a/undo');
  });

  test('stops the time of the saga: a deadline that passes meanwhile undoes nothing', async () => {
    const { world, stage, definition, engine } = await onStage(
      (stage) => threeSteps(stage, '1m'),
      unhurried,
    );
    stage.let('b', 'hold');
    const { sagaId } = await engine.start(definition, { n: 1 });
    await world.clock.advance('1s');
    await engine.pause(sagaId);
    await world.clock.advance('1s');
    stage.release('b');
    await world.clock.advance('10m');
    await engine.signal(sagaId, { name: 'any', parse: (value) => value }, 1);
    await world.clock.advance('1s');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'running', paused: true });
    await engine.resume(sagaId);
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'completed' });
  });

  test('keeps a saga whose step gives up from turning round, so that a person can skip it or let it be undone', async () => {
    const { world, stage, definition, engine } = await onStage(threeSteps, unhurried);
    stage.let('b', 'hold');
    const { sagaId } = await engine.start(definition, { n: 1 });
    await world.clock.advance('1s');
    await engine.pause(sagaId);
    await world.clock.advance('1s');
    stage.release('b', 'refuse');
    await world.clock.advance('10m');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'running', paused: true });
    expect(stage.log).toEqual(['a/do', 'b/do']);
    await engine.resume(sagaId);
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'compensated',
      error: { code: 'REFUSED', step: 'b' },
    });
    expect(stage.log).toEqual(['a/do', 'b/do', 'b/undo', 'a/undo']);
  });

  test('is heard once for one messageId, also after the saga went on', async () => {
    const { world, stage, definition, engine } = await onStage(threeSteps);
    stage.let('b', 'hold');
    const { sagaId } = await engine.start(definition, { n: 1 });
    await world.clock.advance('1s');
    await engine.pause(sagaId, { messageId: 'm-1' });
    await world.clock.advance('1s');
    await engine.resume(sagaId, { messageId: 'm-2' });
    await world.clock.advance('1s');
    await engine.pause(sagaId, { messageId: 'm-1' });
    await engine.resume(sagaId, { messageId: 'm-2' });
    stage.release('b');
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'completed' });
    const asked = (await world.events(sagaId)).filter((event) => 'messageId' in event);
    expect(asked.map(({ type }) => type)).toEqual(['SagaPaused', 'SagaResumed']);
  });

  test('survives the process that heard of it, and the one that did not', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const definition = threeSteps(stage);
    const first = await world.engine([definition]);
    stage.let('a', 'hold');
    const { sagaId } = await first.start(definition, { n: 1 });
    await world.clock.settle(first.stop({ timeout: 10 }));
    // Nobody owns it: the message waits for whoever comes.
    await first.pause(sagaId);
    stage.release('a');
    const second = await world.engine([definition]);
    await world.clock.advance('1m');
    expect(stage.log).toEqual(['a/do']);
    expect(await second.get(sagaId)).toMatchObject({ paused: true });
    await world.clock.settle(second.stop());
    const third = await world.engine([definition]);
    await world.clock.advance('1m');
    expect(await third.get(sagaId)).toMatchObject({ paused: true });
    await third.resume(sagaId);
    expect(await world.settled(third, sagaId)).toMatchObject({ status: 'completed' });
  });

  test('of a saga that is over is refused', async () => {
    const world = await openWorld();
    const definition = threeSteps(new Stage());
    const engine = await world.engine([definition]);
    const { sagaId } = await world.settle(engine, definition, { n: 1 });
    await expect(engine.pause(sagaId)).rejects.toMatchObject({ code: 'SAGA_ALREADY_FINISHED' });
    await expect(engine.pause('nobody')).rejects.toMatchObject({ code: 'SAGA_NOT_FOUND' });
  });
});

test('a pause in the middle of parallel branches lets all of them end what they run, and a cancel ends the pause', async () => {
  const { world, stage, definition, engine } = await onStage(
    (stage) =>
      saga<null, InMemoryTransaction>('fork')
        .parallel(
          'both',
          (both) =>
            both
              .branch((left) => left.step('l1', stage.step('l1')).step('l2', stage.step('l2')))
              .branch((right) => right.step('r1', stage.step('r1')).step('r2', stage.step('r2'))),
          { undo: 'parallel' },
        )
        .build(),
    unhurried,
  );
  stage.let('l1', 'hold');
  stage.let('r1', 'hold');
  const { sagaId } = await engine.start(definition, null);
  await world.clock.advance('1s');
  await engine.pause(sagaId);
  await world.clock.advance('1s');
  stage.release('l1');
  stage.release('r1');
  await world.clock.advance('10m');
  expect(stage.log).toEqual(['l1/do', 'r1/do']);
  await engine.cancel(sagaId);
  expect(await world.settled(engine, sagaId)).toMatchObject({
    status: 'compensated',
    paused: false,
  });
  expect(stage.log.slice(2).sort()).toEqual(['l1/undo', 'r1/undo']);
});
