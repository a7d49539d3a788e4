import { type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld } from '../saga-world.ts';
import { onStage, Stage } from '../stage.ts';

function row(stage: Stage) {
  return saga<{ readonly n: number }, InMemoryTransaction>('row')
    .step('a', stage.step('a'))
    .step('b', stage.step('b'))
    .build();
}

/** A saga that is settled, its process gone: nobody hears what it is told until `next` comes. */
async function settledAlone(mood?: 'defect') {
  const world = await openWorld();
  const stage = new Stage();
  if (mood !== undefined) stage.let('b', mood);
  const definition = row(stage);
  const engine = await world.engine([definition]);
  const { sagaId } = await world.settle(engine, definition, { n: 1 });
  await world.clock.settle(engine.stop());
  const outside = world.idle([definition]);
  const next = () => world.engine([definition]);
  return { world, stage, sagaId, outside, next };
}

describe('what a settled saga was told and has not taken in', () => {
  test('is in view until it has', async () => {
    const { world, sagaId, outside, next } = await settledAlone();
    expect((await outside.get(sagaId)).unheard).toBeUndefined();
    await outside.undo(sagaId);
    expect(await outside.get(sagaId)).toMatchObject({ status: 'completed', unheard: true });
    await next();
    expect((await world.settled(outside, sagaId)).unheard).toBeUndefined();
  });

  test.for([
    ['an undo', undefined, 'compensated'],
    ['a resume', 'defect', 'completed'],
    ['a cancel', 'defect', 'compensated'],
  ] as const)('is waited for by whoever waits for the saga: %s', async ([what, mood, end]) => {
    const { world, stage, sagaId, outside, next } = await settledAlone(mood);
    stage.let('b');
    if (what === 'an undo') await outside.undo(sagaId);
    else if (what === 'a resume') await outside.resume(sagaId);
    else await outside.cancel(sagaId);
    const settled = outside.settled(sagaId);
    await next();
    expect(await world.clock.settle(settled)).toMatchObject({ status: end });
  });

  test('is waited for also where the saga stays as it was: its input is edited, it is paused twice', async () => {
    const { world, sagaId, outside, next } = await settledAlone('defect');
    await outside.edit(sagaId, { n: 2 });
    const edited = outside.settled(sagaId);
    const engine = await next();
    expect(await world.clock.settle(edited)).toMatchObject({ status: 'failed', input: { n: 2 } });
    await outside.pause(sagaId);
    expect(await world.settled(outside, sagaId)).toMatchObject({ status: 'failed', paused: true });
    await world.clock.settle(engine.stop());
    await outside.pause(sagaId);
    const pausedAgain = outside.settled(sagaId);
    await next();
    expect(await world.clock.settle(pausedAgain)).toMatchObject({ status: 'failed', paused: true });
    expect(await world.events(sagaId)).toContainEqual(
      expect.objectContaining({
        type: 'MessageIgnored',
        kind: 'pause',
        why: 'The saga was paused already.',
      }),
    );
  });
});

test('a saga that is settled and was told nothing is read to its end at once, from any place', async () => {
  const { definition, engine, world } = await onStage(row);
  const { sagaId } = await world.settle(engine, definition, { n: 1 });
  const seqs: bigint[] = [];
  for await (const { seq } of engine.events(sagaId)) seqs.push(seq);
  for await (const entry of engine.events(sagaId, { after: seqs.at(-1) ?? 0n })) {
    throw new Error(`more came: ${entry.event.type}`);
  }
  expect(seqs.length).toBeGreaterThan(0);
});
