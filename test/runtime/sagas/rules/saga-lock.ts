import { Rejection } from 'potter-runtime/errors';
import { noRetry } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { interceptSagaStore } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';
import { openWorld, signalled, unhurried } from '../saga-world.ts';

interface Work {
  readonly order: string;
  readonly name: string;
}

/** A saga that locks its order, notes when it begins and ends, and ends when the test lets it. */
function locked(log: string[], gates: Record<string, Promise<unknown>> = {}) {
  return saga<Work, InMemoryTransaction>('locked', { lock: ({ input }) => `order:${input.order}` })
    .step('work', {
      execute: async ({ input: { name } }) => {
        log.push(`${name} begins`);
        await gates[name];
        log.push(`${name} ends`);
        if (name.startsWith('bad')) throw new Rejection('BAD', 'It says no.');
      },
      compensate: ({ input: { name } }) => void log.push(`${name} undone`),
      timeout: '1h',
    })
    .build();
}

describe('lock', () => {
  test('sagas on one key run one after the other, first come first served; on other keys beside them', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const first = signalled();
    const definition = locked(log, { one: first.promise });
    const engine = await world.engine([definition]);
    const other = await world.engine([definition]);
    const started: string[] = [];
    for (const [name, by] of [
      ['one', engine],
      ['bad two', other],
      ['three', engine],
    ] as const) {
      started.push((await by.start(definition, { order: 'a', name })).sagaId);
    }
    const elsewhere = await engine.start(definition, { order: 'b', name: 'elsewhere' });
    await world.clock.advance(10);
    expect(log).toEqual(['one begins', 'elsewhere begins', 'elsewhere ends']);
    expect((await engine.get(elsewhere.sagaId)).lock).toBe(null);
    expect((await engine.get(started[0] ?? '')).lock?.state).toBe('held');
    const waiting = await engine.get(started[1] ?? '');
    expect([waiting.status, waiting.lock]).toEqual([
      'pending',
      {
        state: 'waiting',
        keys: ['order:a'],
        waitsFor: [{ key: 'order:a', holder: started[0], ahead: 1 }],
      },
    ]);
    first.resolve();
    for (const sagaId of started) await world.settled(engine, sagaId);
    expect(log.slice(3)).toEqual([
      'one ends',
      'bad two begins',
      'bad two ends',
      'bad two undone',
      'three begins',
      'three ends',
    ]);
  });

  test('a waiting saga asks the store for nothing, and begins when its turn comes without a poll', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const gate = signalled();
    const definition = locked(log, { one: gate.promise });
    const engine = await world.engine([definition], { lease: '1h', poll: '10m' });
    await engine.start(definition, { order: 'a', name: 'one' });
    const { sagaId } = await engine.start(definition, { order: 'a', name: 'two' });
    await world.clock.advance(10);
    const commits: number[] = [];
    const watched = world.counted((count) => commits.push(count));
    const second = await world.engine([definition], { store: watched });
    await world.clock.advance('5m');
    expect(commits).toEqual([]);
    await world.clock.settle(second.stop());
    const before = world.clock.now().getTime();
    gate.resolve();
    expect((await world.settled(engine, sagaId)).status).toBe('completed');
    expect(world.clock.now().getTime() - before).toBeLessThan(100);
  });

  test('keys are shared by definitions, and a saga with several waits for all of them', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const gate = signalled();
    const one = locked(log, { one: gate.promise });
    const both = saga<{ readonly keys: readonly string[] }, InMemoryTransaction>('both', {
      lock: ({ input }) => input.keys,
    })
      .step('work', { execute: () => void log.push('both') })
      .build();
    const engine = await world.engine([one, both]);
    await engine.start(one, { order: 'a', name: 'one' });
    const { sagaId } = await engine.start(both, { keys: ['order:b', 'order:a', 'order:b'] });
    const behind = await engine.start(one, { order: 'b', name: 'behind' });
    await world.clock.advance(10);
    expect(log).toEqual(['one begins']);
    expect((await engine.get(sagaId)).lock?.keys).toEqual(['order:a', 'order:b']);
    gate.resolve();
    await world.settled(engine, behind.sagaId);
    expect(log).toEqual(['one begins', 'one ends', 'both', 'behind begins', 'behind ends']);
  });

  test('a saga cancelled while it waits is over at once, was never begun and leaves the queue', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const gate = signalled();
    const definition = locked(log, { one: gate.promise });
    const engine = await world.engine([definition]);
    const one = await engine.start(definition, { order: 'a', name: 'one' });
    const two = await engine.start(definition, { order: 'a', name: 'two' });
    const three = await engine.start(definition, { order: 'a', name: 'three' });
    await world.clock.advance(10);
    await engine.cancel(two.sagaId);
    const view = await world.settled(engine, two.sagaId);
    expect([view.status, view.error?.code]).toEqual(['compensated', 'SAGA_CANCELLED']);
    expect((await engine.get(one.sagaId)).status).toBe('running');
    gate.resolve();
    await world.settled(engine, three.sagaId);
    expect(log).toEqual(['one begins', 'one ends', 'three begins', 'three ends']);
  });

  test('a saga that runs out of time while it waits was never begun', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const impatient = saga<null, InMemoryTransaction>('impatient', {
      lock: () => 'order:a',
      timeout: '5s',
    })
      .step('work', { execute: () => void log.push('impatient') })
      .build();
    const definition = locked(log, { one: new Promise(() => {}) });
    const engine = await world.engine([definition, impatient]);
    await engine.start(definition, { order: 'a', name: 'one' });
    const view = await world.settle(engine, impatient, null);
    expect([view.status, view.error?.code, log]).toEqual([
      'compensated',
      'SAGA_TIMED_OUT',
      ['one begins'],
    ]);
  });

  test('what was done before a saga is undone in its turn, when it is cancelled while it waits', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const gate = signalled();
    const holder = locked(log, { one: gate.promise });
    const definition = saga<null, InMemoryTransaction>('placed', { lock: () => 'order:a' })
      .alreadyDone('placed', { compensate: () => void log.push('place undone') })
      .step('work', { execute: () => void log.push('never') })
      .build();
    const engine = await world.engine([holder, definition]);
    await engine.start(holder, { order: 'a', name: 'one' });
    const { sagaId } = await world.store.transaction((transaction) =>
      engine.start(definition, null, { transaction }),
    );
    await world.clock.advance(10);
    await engine.cancel(sagaId);
    await world.clock.advance('1m');
    expect((await engine.get(sagaId)).status).toBe('compensating');
    gate.resolve();
    expect((await world.settled(engine, sagaId)).status).toBe('compensated');
    expect(log).toEqual(['one begins', 'one ends', 'place undone']);
  });

  test('a failed saga keeps its keys until a person has seen to it', async () => {
    const world = await openWorld();
    const log: string[] = [];
    let broken = true;
    const fragile = saga<null, InMemoryTransaction>('fragile', { lock: () => 'order:a' })
      .step('work', {
        execute: () => {
          if (broken) throw new TypeError('a bug');
          log.push('mended');
        },
        retry: noRetry,
      })
      .build();
    const definition = locked(log);
    const engine = await world.engine([definition, fragile], unhurried);
    const failed = await engine.start(fragile, null);
    await world.settled(engine, failed.sagaId);
    const next = await engine.start(definition, { order: 'a', name: 'next' });
    await world.clock.advance('10m');
    expect([(await engine.get(failed.sagaId)).status, log]).toEqual(['failed', []]);
    broken = false;
    await engine.resume(failed.sagaId);
    await world.settled(engine, next.sagaId);
    expect(log).toEqual(['mended', 'next begins', 'next ends']);
  });

  test('a completed saga that is undone waits for its keys anew', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const gate = signalled();
    const definition = locked(log, { two: gate.promise });
    const engine = await world.engine([definition]);
    const one = await engine.start(definition, { order: 'a', name: 'one' });
    await world.settled(engine, one.sagaId);
    await engine.start(definition, { order: 'a', name: 'two' });
    await world.clock.advance(10);
    await world.store.post(one.sagaId, { kind: 'undo', messageId: 'm', at: world.clock.now() });
    await world.clock.advance('1m');
    const waiting = await engine.get(one.sagaId);
    expect([waiting.status, waiting.lock?.state]).toEqual(['compensating', 'waiting']);
    gate.resolve();
    expect((await world.settled(engine, one.sagaId)).status).toBe('compensated');
    expect(log).toEqual(['one begins', 'one ends', 'two begins', 'two ends', 'one undone']);
  });

  test('a saga within a saga shares its keys', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const child = locked(log);
    const parent = saga<null, InMemoryTransaction>('parent', { lock: () => 'order:a' })
      .child('child', child, { input: () => ({ order: 'a', name: 'child' }) })
      .step('after', { execute: () => void log.push('after') })
      .build();
    const engine = await world.engine([parent]);
    const { sagaId } = await engine.start(parent, null);
    const rival = await engine.start(child, { order: 'a', name: 'rival' });
    expect((await world.settled(engine, sagaId)).status).toBe('completed');
    await world.settled(engine, rival.sagaId);
    expect(log).toEqual(['child begins', 'child ends', 'after', 'rival begins', 'rival ends']);
  });

  test('a saga within a saga within one that holds a key shares it too', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const between = saga<null, InMemoryTransaction>('between')
      .child('inner', locked(log), { input: () => ({ order: 'a', name: 'inner' }) })
      .build();
    const outer = saga<null, InMemoryTransaction>('outer', { lock: () => 'order:a' })
      .child('between', between, { input: () => null })
      .build();
    const engine = await world.engine([outer]);
    expect((await world.settle(engine, outer, null)).status).toBe('completed');
    expect(log).toEqual(['inner begins', 'inner ends']);
  });

  test('a saga within a saga that holds keys may have no others: it could wait for ever', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const parent = saga<null, InMemoryTransaction>('parent', { lock: () => 'order:a' })
      .child('child', locked(log), { input: () => ({ order: 'b', name: 'child' }) })
      .build();
    const engine = await world.engine([parent]);
    const view = await world.settle(engine, parent, null);
    expect([view.status, view.error?.code, log]).toEqual(['failed', 'INVALID_ARGUMENT', []]);
    expect(view.error?.message).toContain("holds only 'order:a'");
  });

  test('a saga within one without keys takes its own and gives them up when it is over', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const gate = signalled();
    const child = locked(log, { one: gate.promise });
    const parent = saga<null, InMemoryTransaction>('parent')
      .child('child', child, { input: () => ({ order: 'a', name: 'child' }) })
      .build();
    const engine = await world.engine([parent]);
    await engine.start(child, { order: 'a', name: 'one' });
    const { sagaId } = await engine.start(parent, null);
    await world.clock.advance('1m');
    expect(log).toEqual(['one begins']);
    gate.resolve();
    expect((await world.settled(engine, sagaId)).status).toBe('completed');
  });

  test.each([[''], ['x'.repeat(201)], [['a', '']]])(
    'a key must be a string of some length: %o',
    async (key) => {
      const world = await openWorld();
      const definition = saga<null, InMemoryTransaction>('keyed', { lock: () => key })
        .step('work', { execute: () => null })
        .build();
      const engine = await world.engine([definition]);
      await expect(engine.start(definition, null)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    },
  );

  test('when the holder’s process dies the next owner of its saga goes on holding, and the others on waiting', async () => {
    const world = await openWorld();
    const log: string[] = [];
    let silent = false;
    const dead = interceptSagaStore(world.store, (_call, proceed) =>
      silent ? new Promise<never>(() => {}) : proceed(),
    );
    const gates: Record<string, Promise<unknown>> = { one: new Promise(() => {}) };
    const definition = locked(log, gates);
    const first = await world.engine([definition], { store: dead });
    const one = await first.start(definition, { order: 'a', name: 'one' });
    await world.clock.advance(10);
    const second = await world.engine([definition]);
    const two = await second.start(definition, { order: 'a', name: 'two' });
    silent = true;
    delete gates['one'];
    await world.settled(second, two.sagaId);
    expect((await second.get(one.sagaId)).status).toBe('completed');
    expect(log).toEqual(['one begins', 'one begins', 'one ends', 'two begins', 'two ends']);
  });
});
