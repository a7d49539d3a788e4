import { noRetry } from 'potter-runtime/foundation';
import { createSagaEngine, type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { journalViolations } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { openWorld, signalled } from '../saga-world.ts';

const three = saga<{ readonly n: number }, InMemoryTransaction>('three')
  .step('one', { execute: ({ input }) => ({ value: input.n }) })
  .step('two', { execute: ({ results }) => results.one.value * 2 })
  .step('three', { execute: ({ results }) => results.two + 1 })
  .build();

describe('going forward', () => {
  test('results flow from step to step, and the last commit ends the saga', async () => {
    const world = await openWorld();
    const engine = await world.engine([three]);
    const view = await world.settle(engine, three, { n: 20 });
    expect(view).toMatchObject({
      definition: 'three',
      definitionVersion: 1,
      status: 'completed',
      currentStep: null,
      input: { n: 20 },
      results: { one: { value: 20 }, two: 40, three: 41 },
      error: null,
    });
    expect(view.finishedAt).toEqual(world.clock.now());
    expect(journalViolations(three, await world.store.journal(view.sagaId))).toEqual([]);
  });

  test('a saga of n steps costs n + 1 commits', async () => {
    const world = await openWorld();
    let commits = 0;
    const engine = await world.engine([three], {
      store: world.counted((count) => (commits = count)),
    });
    await world.settle(engine, three, { n: 1 });
    expect(commits).toBe(4);
  });

  test('a look that changes nothing is not written', async () => {
    const world = await openWorld();
    const gate = signalled();
    let commits = 0;
    const definition = saga<null, InMemoryTransaction>('looked-at')
      .step('one', { execute: () => gate.promise })
      .build();
    const engine = await world.engine([definition], {
      store: world.counted((count) => (commits = count)),
    });
    const { sagaId } = await engine.start(definition, null);
    // Each saga is looked at for what can be given back; this one has an attempt that runs.
    const stopped = engine.stop();
    await world.clock.advance('1s');
    expect(commits).toBe(1);
    gate.resolve();
    await world.clock.settle(stopped);
    expect([commits, (await engine.get(sagaId)).status]).toEqual([2, 'completed']);
  });

  test('a step sees results as the journal keeps them, whether or not it was taken over', async () => {
    const world = await openWorld();
    const seen: unknown[] = [];
    const mutable = { list: [1], gone: undefined, when: new Date(0), big: 1n };
    const definition = saga<null, InMemoryTransaction>('stored')
      .step('make', { execute: () => mutable })
      .step('look', {
        execute: ({ results }) => {
          mutable.list.push(2);
          seen.push(results.make);
        },
      })
      .build();
    const engine = await world.engine([definition]);
    await world.settle(engine, definition, null);
    expect(seen).toEqual([{ list: [1], when: new Date(0), big: 1n }]);
    expect(Object.keys(seen[0] as object)).not.toContain('gone');
  });

  test('what a step is told can be copied: the copy has the same members, and a signal', async () => {
    const world = await openWorld();
    const seen: unknown[] = [];
    const definition = saga<{ readonly n: number }, InMemoryTransaction>('copied')
      .step('copy', {
        execute: (context) => {
          const { signal, ...rest } = { ...context };
          seen.push({ ...rest, isSame: signal === context.signal, aborted: signal.aborted });
        },
      })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await world.settle(engine, definition, { n: 1 });
    expect(seen).toMatchObject([
      {
        sagaId,
        correlationId: sagaId,
        input: { n: 1 },
        results: {},
        key: `${sagaId}/copy/do`,
        attempt: 1,
        isSame: true,
        aborted: false,
      },
    ]);
  });

  test('a result without a JSON form is a defect of its step', async () => {
    const world = await openWorld();
    const definition = saga<null, InMemoryTransaction>('unstorable')
      .step('make', { execute: () => new Map([[1, 2]]), retry: noRetry })
      .build();
    const engine = await world.engine([definition]);
    const view = await world.settle(engine, definition, null);
    expect(view).toMatchObject({
      status: 'failed',
      error: { code: 'SERIALIZATION_FAILED', step: 'make' },
    });
  });

  test('snapshots bound what is folded, and damaged ones are passed over', async () => {
    const world = await openWorld();
    const definition = saga<{ readonly n: number }, InMemoryTransaction>('snapshots', {
      snapshotEvery: 2,
    })
      .step('one', { execute: () => 1 })
      .step('two', { execute: () => 2 })
      .step('three', { execute: () => 3 })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await world.settle(engine, definition, { n: 1 });
    const stored = await world.store.load(sagaId);
    expect(stored?.snapshot).not.toBeNull();
    expect(stored?.tail.length).toBeLessThan(4);
    const healthy = await engine.get(sagaId);
    const damaged = createSagaEngine({
      store: {
        ...world.counted(() => {}),
        load: async (id) => {
          const saga = await world.store.load(id);
          return saga && { ...saga, snapshot: { seq: 4n, state: '{"form' } };
        },
      },
      definitions: [definition],
    });
    expect(await damaged.get(sagaId)).toEqual(healthy);
  });
});
