import { AsyncLocalStorage } from 'node:async_hooks';
import { beforeEach, expect, test, vi } from 'vitest';

/** A process of its own, as far as the runtime's modules go. */
beforeEach(() => vi.resetModules());

test('nothing is carried along where nobody can read it, sagas included', async () => {
  const run = vi.spyOn(AsyncLocalStorage.prototype, 'run');
  const { createSagaEngine, InMemorySagaStore, saga } = await import('potter-runtime/sagas');
  const noted = saga('noted', { version: 1 })
    .step('note', { execute: () => 'done' })
    .build();
  const engine = createSagaEngine({ store: new InMemorySagaStore(), definitions: [noted] });
  await engine.run();
  const { sagaId } = await engine.start(noted, null);
  expect(await engine.settled(sagaId)).toMatchObject({ status: 'completed' });
  await engine.stop();
  const conversations = run.mock.calls.filter(
    ([store]) => typeof store === 'object' && store !== null && 'correlationId' in store,
  );
  expect(conversations).toEqual([]);
});

test('a step is part of its saga’s conversation, after waits too, as soon as somebody can read it', async () => {
  const { currentCorrelation } = await import('potter-runtime/observability');
  const { createSagaEngine, InMemorySagaStore, saga } = await import('potter-runtime/sagas');
  const read: unknown[] = [];
  const noted = saga('noted', { version: 1 })
    .step('note', {
      execute: async () => {
        read.push(currentCorrelation());
        await new Promise(setImmediate);
        read.push(currentCorrelation());
      },
    })
    .build();
  const engine = createSagaEngine({ store: new InMemorySagaStore(), definitions: [noted] });
  await engine.run();
  const { sagaId } = await engine.start(noted, null, { correlationId: 'order-1' });
  await engine.settled(sagaId);
  await engine.stop();
  const conversation = { correlationId: 'order-1', causationId: sagaId };
  expect(read).toEqual([conversation, conversation]);
});

test('events that a step appends carry its saga’s ids, whoever else reads none', async () => {
  const { InMemoryEventStore } = await import('potter-runtime/event-store');
  const { createSagaEngine, InMemorySagaStore, saga } = await import('potter-runtime/sagas');
  const eventStore = new InMemoryEventStore();
  const noted = saga('noted', { version: 1 })
    .step('note', {
      execute: async () => {
        await new Promise(setImmediate);
        await eventStore.appendToStream('note:1', [{ type: 'Noted', data: {} }]);
      },
    })
    .build();
  const engine = createSagaEngine({ store: new InMemorySagaStore(), definitions: [noted] });
  await engine.run();
  const { sagaId } = await engine.start(noted, null);
  await engine.settled(sagaId);
  await engine.stop();
  const conversations: unknown[] = [];
  for await (const { metadata } of eventStore.readStream('note:1')) conversations.push(metadata);
  expect(conversations).toEqual([{ correlationId: sagaId, causationId: sagaId }]);
});
