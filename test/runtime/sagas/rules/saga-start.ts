import { Rejection } from 'potter-runtime/errors';
import { simpleRetry, sleep } from 'potter-runtime/foundation';
import {
  createSagaEngine,
  InMemorySagaStore,
  type InMemoryTransaction,
  saga,
  type SagaLimits,
  type SagaStore,
} from 'potter-runtime/sagas';
import { interceptSagaStore } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { openWorld, signalled } from '../saga-world.ts';

const three = saga<{ readonly n: number }, InMemoryTransaction>('three')
  .step('one', { execute: ({ input }) => ({ value: input.n }) })
  .step('two', { execute: ({ results }) => results.one.value * 2 })
  .step('three', { execute: ({ results }) => results.two + 1 })
  .build();

const refusal = (): never => {
  throw new Rejection('REFUSED', 'No.');
};

describe('starting', () => {
  test('the same id and input start one saga; another input is refused', async () => {
    const world = await openWorld();
    const engine = await world.engine([three]);
    const sagaId = 'order-1';
    expect(await engine.start(three, { n: 1 }, { sagaId })).toMatchObject({
      sagaId,
      created: true,
    });
    expect(await engine.start(three, { n: 1 }, { sagaId })).toMatchObject({
      sagaId,
      created: false,
    });
    await expect(engine.start(three, { n: 2 }, { sagaId })).rejects.toMatchObject({
      code: 'SAGA_ALREADY_EXISTS',
    });
    expect(await world.settled(engine, sagaId)).toMatchObject({
      results: { three: 3 },
      correlationId: sagaId,
    });
  });

  test('of a saga that another process accepted before, while a claim brings it here, begins it once', async () => {
    const world = await openWorld();
    const gate = signalled();
    let begun = 0;
    const definition = saga<null, InMemoryTransaction>('again')
      .step('a', {
        execute: async () => {
          begun += 1;
          await gate.promise;
        },
        timeout: '1h',
      })
      .build();
    await world.idle([definition]).start(definition, null, { sagaId: 'again' });
    const store = interceptSagaStore(world.store, async (call, proceed) => {
      // The claim is made after the start was asked for, and before the start arrives.
      if (call.method === 'claim') await sleep(500, { clock: world.clock });
      if (call.method === 'create') await sleep(3_000, { clock: world.clock });
      return proceed();
    });
    const engine = await world.engine([definition], { store });
    const started = engine.start(definition, null, { sagaId: 'again' });
    expect(await world.clock.settle(started)).toMatchObject({ created: false });
    await world.clock.advance('5s');
    gate.resolve();
    expect((await world.settled(engine, 'again')).status).toBe('completed');
    expect(begun).toBe(1);
  });

  test('in a transaction begins when that commits, and not at all when it does not', async () => {
    const world = await openWorld();
    const engine = await world.engine([three]);
    const failing = world.store.transaction(async (transaction) => {
      await engine.start(three, { n: 1 }, { sagaId: 'rolled-back', transaction });
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    await expect(engine.get('rolled-back')).rejects.toMatchObject({ code: 'SAGA_NOT_FOUND' });
    await world.store.transaction((transaction) =>
      engine.start(three, { n: 1 }, { sagaId: 'committed', transaction }),
    );
    const view = await world.settled(engine, 'committed');
    expect(view.status).toBe('completed');
    // Nobody had begun it, so nothing was interrupted.
    expect((await engine.history('committed')).history).toHaveLength(3);
  });

  test('without room or without running leaves the saga to whoever has and does', async () => {
    const world = await openWorld();
    const accepting = world.idle([three]);
    const { sagaId, status } = await accepting.start(three, { n: 1 });
    expect(status).toBe('pending');
    const running = await world.engine([three], { concurrency: 1 });
    const more = await Promise.all(Array.from({ length: 5 }, () => running.start(three, { n: 1 })));
    for (const saga of [{ sagaId }, ...more]) {
      expect((await world.settled(running, saga.sagaId)).status).toBe('completed');
    }
  });

  test.each<[string, SagaLimits<number>]>([
    ['without limits', {}],
    ['with limits', { concurrency: 1 }],
  ])('of many in one moment begins the first first, %s', async (_, limits) => {
    const world = await openWorld();
    const begun: number[] = [];
    const definition = saga<number, InMemoryTransaction>('ordered', { limits })
      .step('work', { execute: ({ input }) => void begun.push(input) })
      .build();
    const accepting = world.idle([definition]);
    // What is over has left gaps, which a store may fill in an order of its own.
    for (const many of [12, 40]) {
      begun.length = 0;
      const all = Array.from({ length: many }, (__, n) => n);
      const started = await Promise.all(all.map((n) => accepting.start(definition, n)));
      const engine = await world.engine([definition], { concurrency: 1 });
      for (const { sagaId } of started) await world.settled(engine, sagaId);
      expect(begun).toEqual(all);
      await world.clock.settle(engine.stop());
    }
  });

  test('of very many takes a hundred at a time, so that another process gets its part', async () => {
    const world = await openWorld();
    const definition = saga<null, InMemoryTransaction>('many')
      .step('work', { execute: () => null })
      .build();
    const accepting = world.idle([definition]);
    const started = await Promise.all(
      Array.from({ length: 130 }, () => accepting.start(definition, null)),
    );
    const taken: (readonly [worker: string, sagas: number])[] = [];
    const has = { one: signalled(), two: signalled() };
    // The other one looks before the first looks again.
    const watched = (worker: 'one' | 'two'): SagaStore<InMemoryTransaction> => ({
      ...interceptSagaStore(world.store, (_call, proceed) => proceed()),
      claim: async (request) => {
        if (worker === 'two') await has.one.promise;
        else if (taken.length > 0) await has.two.promise;
        const outcome = await world.store.claim(request);
        const sagas = outcome.kind === 'claimed' ? outcome.sagas.length : 0;
        if (sagas > 0) taken.push([worker, sagas]);
        has[worker].resolve();
        return outcome;
      },
    });
    for (const worker of ['one', 'two'] as const) {
      await world.engine([definition], { store: watched(worker) });
    }
    for (const { sagaId } of started) await world.settled(accepting, sagaId);
    expect(taken).toEqual([
      ['one', 100],
      ['two', 30],
    ]);
  });

  test('refuses ids that would make keys ambiguous, unknown definitions, and two of one version', async () => {
    const world = await openWorld();
    const engine = await world.engine([three]);
    await expect(engine.start(three, { n: 1 }, { sagaId: 'a/b' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    const other = saga<null, InMemoryTransaction>('other')
      .step('x', { execute: () => 1 })
      .build();
    await expect(engine.start(other, null)).rejects.toMatchObject({
      code: 'SAGA_DEFINITION_UNKNOWN',
    });
    expect(() =>
      createSagaEngine({ store: new InMemorySagaStore(), definitions: [three, three] }),
    ).toThrow(expect.objectContaining({ code: 'SAGA_DEFINITION_INVALID' }));
  });
});

describe('looking', () => {
  test('events are the journal, then live, until the saga is settled, from any place on', async () => {
    const world = await openWorld();
    const gate = signalled();
    const definition = saga<null, InMemoryTransaction>('watched')
      .step('only', { execute: () => gate.promise })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, null);
    const read = async (after?: bigint): Promise<string[]> => {
      const types: string[] = [];
      for await (const { event } of engine.events(sagaId, after === undefined ? {} : { after }))
        types.push(event.type);
      return types;
    };
    const reading = read();
    await world.clock.advance(10);
    gate.resolve();
    const all = ['SagaStarted', 'AttemptStarted', 'AttemptCompleted', 'SagaCompleted'];
    expect(await world.clock.settle(reading)).toEqual(all);
    expect(await read(2n)).toEqual(all.slice(2));
    expect(await read(4n)).toEqual([]);
  });

  test('history has every attempt with its times and errors', async () => {
    const world = await openWorld();
    const definition = saga<null, InMemoryTransaction>('history')
      .step('a', { execute: () => 1, compensate: () => 1 })
      .step('b', {
        execute: ({ attempt }) => (attempt === 1 ? Promise.reject(new Error('flaky')) : refusal()),
        retry: simpleRetry({ delay: 250 }),
      })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await world.settle(engine, definition, null);
    const { history } = await engine.history(sagaId);
    expect(
      history.map(({ step, kind, status, attempt, error }) => [
        step,
        kind,
        status,
        attempt,
        error?.code ?? null,
      ]),
    ).toEqual([
      ['a', 'step', 'completed', 1, null],
      ['b', 'step', 'failed', 1, 'INTERNAL_ERROR'],
      ['b', 'step', 'failed', 2, 'REFUSED'],
      ['a', 'compensation', 'compensated', 1, null],
    ]);
    expect((history[2]?.startedAt.getTime() ?? 0) - (history[1]?.finishedAt?.getTime() ?? 0)).toBe(
      250,
    );
  });

  test('the diagram marks where a saga stands', async () => {
    const world = await openWorld();
    const definition = saga<null, InMemoryTransaction>('drawn')
      .step('reserve', { execute: () => 1, compensate: () => 1 })
      .step('pay', { execute: refusal })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await world.settle(engine, definition, null);
    const diagram = await engine.diagram(sagaId);
    expect(diagram).toContain('flowchart LR');
    expect(diagram).toContain('n1["reserve"]');
    expect(diagram).toContain('n1 --> n2');
    expect(diagram).toContain('class n1 undone');
    expect(diagram).toContain('class n2 failed');
    expect(diagram).toContain('finish(["compensated"])');
  });

  test('a saga that is not there is said not to be', async () => {
    const engine = await (await openWorld()).engine([three]);
    for (const look of [
      () => engine.get('x'),
      () => engine.history('x'),
      () => engine.cancel('x'),
      () => engine.diagram('x'),
      () => engine.settled('x'),
    ]) {
      await expect(look()).rejects.toMatchObject({ code: 'SAGA_NOT_FOUND' });
    }
  });
});
