import { Rejection } from 'potter-runtime/errors';
import { type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { onStage, type Stage } from '../stage.ts';

interface Order {
  readonly address: string;
  readonly note?: string;
}

function parseOrder(input: unknown): Order {
  const { address, note } = input as Order;
  if (typeof address !== 'string' || address === '') throw new Rejection('NO_ADDRESS', 'Where to?');
  return note === undefined ? { address } : { address, note };
}

function shipping(stage: Stage) {
  return saga<Order, InMemoryTransaction>('shipping', { parseInput: parseOrder })
    .step('pack', stage.step('pack'))
    .step('send', {
      ...stage.step('send'),
      execute: async (context) => {
        await stage.step('send').execute(context);
        return `to ${context.input.address}`;
      },
    })
    .build();
}

describe('an edit', () => {
  test('of a failed saga is what its steps see once it is resumed', async () => {
    const { world, stage, definition, engine } = await onStage(shipping);
    stage.let('send', 'defect');
    const { sagaId } = await world.settle(engine, definition, { address: 'nowhere', note: 'n' });
    await engine.edit(sagaId, { address: 'Rue 7' }, { merge: true, by: 'ann' });
    await world.clock.advance('1s');
    expect(await engine.get(sagaId)).toMatchObject({
      status: 'failed',
      input: { address: 'Rue 7', note: 'n' },
    });
    stage.let('send');
    await engine.resume(sagaId);
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'completed',
      results: { send: 'to Rue 7' },
    });
    expect(await world.events(sagaId)).toContainEqual(
      expect.objectContaining({ type: 'InputEdited', by: 'ann' }),
    );
  });

  test('replaces the whole unless it is merged', async () => {
    const { world, stage, definition, engine } = await onStage(shipping);
    stage.let('send', 'defect');
    const { sagaId } = await world.settle(engine, definition, { address: 'a', note: 'n' });
    await engine.edit(sagaId, { address: 'b' });
    await world.clock.advance('1s');
    expect((await engine.get(sagaId)).input).toEqual({ address: 'b' });
    await expect(engine.edit(sagaId, 'text', { merge: true })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('two merges that cross both count', async () => {
    const { world, stage, definition, engine } = await onStage(shipping);
    stage.let('send', 'defect');
    const { sagaId } = await world.settle(engine, definition, { address: 'a' });
    await Promise.all([
      engine.edit(sagaId, { address: 'b' }, { merge: true }),
      engine.edit(sagaId, { note: 'n' }, { merge: true }),
    ]);
    await world.clock.advance('1s');
    expect((await engine.get(sagaId)).input).toEqual({ address: 'b', note: 'n' });
  });

  test('is checked by the definition: where it is asked for, and where it is done by who has the definition', async () => {
    const { world, stage, definition, engine } = await onStage(shipping);
    await expect(engine.start(definition, { address: '' })).rejects.toMatchObject({
      code: 'NO_ADDRESS',
    });
    stage.let('send', 'defect');
    const { sagaId } = await world.settle(engine, definition, { address: 'a' });
    await expect(engine.edit(sagaId, { address: '' })).rejects.toMatchObject({
      code: 'NO_ADDRESS',
    });
    const blind = world.idle([]);
    await blind.edit(sagaId, { address: '' });
    await world.clock.advance('1s');
    expect((await engine.get(sagaId)).input).toEqual({ address: 'a' });
    expect(await world.events(sagaId)).toContainEqual(
      expect.objectContaining({ type: 'MessageIgnored', kind: 'edit', why: 'Where to?' }),
    );
  });

  test('of a saga that is under way is refused: it has to be paused first', async () => {
    const { world, stage, definition, engine } = await onStage(shipping);
    stage.let('pack', 'hold');
    const { sagaId } = await engine.start(definition, { address: 'a' });
    await world.clock.advance('1s');
    await expect(engine.edit(sagaId, { address: 'b' })).rejects.toThrow(/Pause it first/);
  });
});
