import { commandBus } from 'potter-runtime/cqrs';
import { Rejection } from 'potter-runtime/errors';
import { isUuid } from 'potter-runtime/foundation';
import { commandStep, type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { expect, test } from 'vitest';
import { openWorld } from '../saga-world.ts';

const refusal = {
  execute: (): never => {
    throw new Rejection('REFUSED', 'No.');
  },
};

test('a command step sends one command to do and one to undo, each under an id of its own for ever', async () => {
  const world = await openWorld();
  const sent: { readonly type: string; readonly items: number; readonly id: string }[] = [];
  let well = false;
  const bus = commandBus({
    reserve: ({ items }: { readonly items: number }, { type, id }) => {
      sent.push({ type, items, id });
      if (!well) {
        well = true;
        throw new Error('Try again.');
      }
      return { reserved: items };
    },
    release: ({ items }: { readonly items: number }, { type, id }) => {
      sent.push({ type, items, id });
    },
  });
  const definition = saga<number, InMemoryTransaction>('commands')
    .step(
      'reserve',
      commandStep(bus, {
        command: 'reserve',
        data: ({ input }) => ({ items: input }),
        undo: { command: 'release', data: ({ result }) => ({ items: result?.reserved ?? -1 }) },
      }),
    )
    .step('refuse', refusal)
    .build();
  const engine = await world.engine([definition]);
  expect(await world.settle(engine, definition, 3)).toMatchObject({ status: 'compensated' });
  expect(sent.map(({ type, items }) => [type, items])).toEqual([
    ['reserve', 3],
    ['reserve', 3],
    ['release', 3],
  ]);
  const [first, second, third] = sent.map(({ id }) => id);
  expect(first).toBe(second);
  expect(third).not.toBe(first);
  expect(sent.every(({ id }) => isUuid(id))).toBe(true);
});
