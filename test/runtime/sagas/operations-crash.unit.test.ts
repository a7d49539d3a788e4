import { type InMemoryTransaction, saga, type SagaStatus } from 'potter-runtime/sagas';
import { interceptSagaStore } from 'potter-runtime/testing';
import { expect, test } from 'vitest';
import { SagaWorld } from './saga-world.ts';
import { Stage } from './stage.ts';

type Death = 'before' | 'after';

/**
 * A saga that fails, is edited, rewound, completed and undone by a person, while the process that runs it dies at its n-th
 * write; another one takes over.
 * @returns what was done, each key once, and how many writes there were.
 */
async function story(
  killAt: number,
  death: Death,
): Promise<{ readonly keys: readonly string[]; readonly writes: number; readonly died: boolean }> {
  const world = new SagaWorld();
  const stage = new Stage();
  const definition = saga<{ readonly n: number }, InMemoryTransaction>('story')
    .step('a', stage.step('a'))
    .parallel('both', (both) => both.step('b', stage.step('b')).step('c', stage.step('c')))
    .step('d', stage.step('d'))
    .build();
  let writes = 0;
  let died = false;
  let replaced = false;
  const silence = new Promise<never>(() => {});
  const store = interceptSagaStore(world.store, async (call, proceed) => {
    if (died) return silence;
    if (call.method !== 'commit' || (writes += 1) !== killAt) return proceed();
    died = true;
    if (death === 'after') await proceed();
    return silence;
  });
  const operator = world.idle([definition]);
  stage.let('d', 'defect');
  await world.engine([definition], { store, workerId: 'mortal' });
  const { sagaId } = await operator.start(definition, { n: 1 });
  const reach = async (status: SagaStatus): Promise<void> => {
    for (let second = 0; second < 30; second += 1) {
      await world.clock.advance('1s');
      if (died && !replaced) {
        replaced = true;
        await world.store.deregister('mortal');
        await world.engine([definition]);
      }
      if ((await operator.get(sagaId)).status === status) return;
    }
    throw new Error(`killed ${death} write ${killAt}: the saga does not become ${status}`);
  };
  await reach('failed');
  stage.let('d');
  await operator.edit(sagaId, { n: 2 });
  await operator.rewind(sagaId, 'b', { messageId: 'rewind' });
  await operator.rewind(sagaId, 'b', { messageId: 'rewind' });
  await reach('completed');
  await operator.undo(sagaId, { messageId: 'undo' });
  await operator.undo(sagaId, { messageId: 'undo' });
  await reach('compensated');
  return { keys: [...new Set(stage.log)], writes, died };
}

test('a saga that is operated ends as it was told, wherever the process that runs it dies', async () => {
  const { keys, writes } = await story(Infinity, 'before');
  expect(keys).toEqual([
    'a/do',
    'b/do',
    'c/do',
    'd/do',
    'd/undo',
    'c/undo',
    'b/undo',
    'b~1/do',
    'c~1/do',
    'd~1/do',
    'd~1/undo',
    'c~1/undo',
    'b~1/undo',
    'a/undo',
  ]);
  let points = 0;
  for (const death of ['before', 'after'] as const) {
    for (let killAt = 1; killAt <= writes; killAt += 1) {
      const told = await story(killAt, death);
      expect([killAt, death, told.died, told.keys]).toEqual([killAt, death, true, keys]);
      points += 1;
    }
  }
  console.log(`operations: killed at ${points} points around ${writes} writes, 0 violations`);
  expect(points).toBeGreaterThan(20);
}, 60_000);
