import { Rejection } from 'potter-runtime/errors';
import { type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { interceptSagaStore, never } from 'potter-runtime/testing';
import { openWorld, signalled } from '../saga-world.ts';
import { Stage } from '../stage.ts';

interface Story {
  readonly refuses?: 'child' | 'parent';
}

function family(log: string[]) {
  const step = (name: string, refuses: (input: Story) => boolean) => ({
    execute: ({ input }: { readonly input: Story }) => {
      if (refuses(input)) throw new Rejection('REFUSED', `No from ${name}.`);
      log.push(name);
      return name;
    },
    compensate: ({ outcome }: { readonly outcome: string }) =>
      void log.push(`undo ${name} ${outcome}`),
  });
  const child = saga<Story, InMemoryTransaction>('delivery')
    .step(
      'pack',
      step('pack', () => false),
    )
    .step(
      'send',
      step('send', ({ refuses }) => refuses === 'child'),
    )
    .build();
  const parent = saga<Story, InMemoryTransaction>('order')
    .step(
      'reserve',
      step('reserve', () => false),
    )
    .child('deliver', child, { input: ({ input }) => input })
    .step('bill', {
      ...step('bill', ({ refuses }) => refuses === 'parent'),
      execute: ({ input, results }) => {
        if (input.refuses === 'parent') throw new Rejection('REFUSED', 'No from bill.');
        return results.deliver.results.send;
      },
    })
    .build();
  return { parent, child };
}

describe('a saga within a saga', () => {
  test('runs under an id of its own, and its results are the parent’s', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const { parent } = family(log);
    const engine = await world.engine([parent]);
    const done = await world.settle(engine, parent, {});
    expect(done).toMatchObject({ status: 'completed', results: { bill: 'send' } });
    expect(await engine.get(`${done.sagaId}::deliver`)).toMatchObject({
      status: 'completed',
      definition: 'delivery',
      correlationId: done.sagaId,
    });
    expect((await world.store.load(`${done.sagaId}::deliver`))?.summary.wakeAt).toBeNull();
  });

  test('has an id that no other node of any saga makes, whatever dots are in names and ids', async () => {
    const world = await openWorld();
    const leaf = saga<string, InMemoryTransaction>('leaf')
      .step('echo', { execute: ({ input }) => input })
      .build();
    const within = (name: string, node: string) =>
      saga<null, InMemoryTransaction>(name)
        .parallel('all', (all) =>
          all
            .branch((one) => one.child(node, leaf, { input: () => `${name} ${node}` }))
            .branch((one) => one.child(`${node}.d`, leaf, { input: () => `${name} ${node}.d` })),
        )
        .build();
    const [short, long] = [within('short', 'c'), within('long', 'b.c')];
    const engine = await world.engine([short, long]);
    await engine.start(short, null, { sagaId: 'a.b' });
    await engine.start(long, null, { sagaId: 'a' });
    await world.settled(engine, 'a.b');
    await world.settled(engine, 'a');
    const ids = ['a.b::c', 'a.b::c.d', 'a::b.c', 'a::b.c.d'];
    const inputs = await Promise.all(ids.map(async (id) => (await engine.get(id)).input));
    expect(inputs).toEqual(['short c', 'short c.d', 'long b.c', 'long b.c.d']);
  });

  test('has an id that nobody can start a saga under', async () => {
    const world = await openWorld();
    const { parent, child } = family([]);
    const engine = await world.engine([parent, child]);
    const taken = engine.start(child, {}, { sagaId: 'order-1::deliver' });
    await expect(taken).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining("'::' is for the ids of sagas within sagas"),
    });
    expect((await world.settle(engine, parent, {})).status).toBe('completed');
    await engine.start(parent, {}, { sagaId: 'order:1:' });
    await world.settled(engine, 'order:1:');
    expect(await engine.get('order:1:::deliver')).toMatchObject({ status: 'completed' });
  });

  test('that cannot be done undoes itself and then its parent', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const { parent } = family(log);
    const engine = await world.engine([parent]);
    const undone = await world.settle(engine, parent, { refuses: 'child' });
    expect(undone).toMatchObject({
      status: 'compensated',
      error: { code: 'REFUSED', step: 'deliver' },
    });
    expect(log).toEqual([
      'reserve',
      'pack',
      'undo send failed',
      'undo pack done',
      'undo reserve done',
    ]);
  });

  test('that undid itself is not asked to', async () => {
    const world = await openWorld();
    const { parent } = family([]);
    const engine = await world.engine([parent]);
    const { sagaId } = await world.settle(engine, parent, { refuses: 'child' });
    const { history } = await engine.history(sagaId);
    const undone = history.filter(({ kind }) => kind === 'compensation').map(({ step }) => step);
    expect(undone).toEqual(['reserve']);
  });

  test.each(['never comes', 'comes just then'] as const)(
    'whose start is on its way when its parent is cancelled is undone, or never begins: it %s',
    async (start) => {
      const world = await openWorld();
      const log: string[] = [];
      const { parent } = family(log);
      const gate = signalled();
      const created = signalled();
      const slow = interceptSagaStore(world.store, async (call, proceed) => {
        const saga = call.arguments[0] as { readonly definition?: string } | undefined;
        if (call.method === 'create' && saga?.definition === 'delivery' && !log.includes('asked')) {
          await gate.promise;
          const value = await proceed();
          created.resolve();
          return value;
        }
        const value = await proceed();
        const message = call.arguments[1] as { readonly kind?: string } | undefined;
        if (call.method === 'post' && message?.kind === 'undo' && !log.includes('asked')) {
          log.push('asked');
          // It was not there when it was asked; by the time that is heard, it may be.
          if (start === 'comes just then') {
            gate.resolve();
            await created.promise;
          }
        }
        return value;
      });
      const engine = await world.engine([parent], { store: slow, grace: 100 });
      const { sagaId } = await engine.start(parent, {});
      await world.clock.advance(10);
      await engine.cancel(sagaId);
      expect((await world.settled(engine, sagaId)).status).toBe('compensated');
      gate.resolve();
      await world.clock.advance('1m');
      expect((await engine.get(`${sagaId}::deliver`)).status).toBe('compensated');
      const did = (name: string): number => log.filter((line) => line === name).length;
      const undid = (name: string): number =>
        log.filter((line) => line.startsWith(`undo ${name} `)).length;
      expect([did('pack') <= undid('pack'), did('send') <= undid('send')]).toEqual([true, true]);
      expect(log.at(-1)).toBe('undo reserve done');
    },
  );

  test('that undid itself, and was passed over by a person then, holds up no undo that is forced', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const child = saga<null, InMemoryTransaction>('delivery').step('send', stage.step('send'));
    const parent = saga<null, InMemoryTransaction>('order')
      .step('reserve', stage.step('reserve'))
      .pivot('pay', { execute: () => 'paid' })
      .child('deliver', child.build(), { input: () => null })
      .build();
    const engine = await world.engine([parent]);
    stage.let('send', 'refuse');
    const { sagaId, status } = await world.settle(engine, parent, null);
    expect(status).toBe('failed');
    await engine.skip(sagaId, 'deliver');
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'completed' });
    await engine.undo(sagaId, { force: true });
    expect(await world.settled(engine, sagaId)).toMatchObject({ status: 'compensated' });
    expect(stage.log.at(-1)).toBe('reserve/undo');
  });

  test('is undone as a whole after it was completed, in one undo of its parent', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const { parent } = family(log);
    const engine = await world.engine([parent]);
    const undone = await world.settle(engine, parent, { refuses: 'parent' });
    expect(undone).toMatchObject({
      status: 'compensated',
      error: { code: 'REFUSED', step: 'bill' },
    });
    expect(log).toEqual([
      'reserve',
      'pack',
      'send',
      'undo bill failed',
      'undo send done',
      'undo pack done',
      'undo reserve done',
    ]);
    expect(await engine.get(`${undone.sagaId}::deliver`)).toMatchObject({
      status: 'compensated',
      error: { code: 'SAGA_UNDONE' },
    });
    const { history } = await engine.history(undone.sagaId);
    expect(
      history.filter(({ step, kind }) => step === 'deliver' && kind === 'compensation'),
    ).toMatchObject([{ status: 'compensated' }]);
  });

  test('that is over, but whose process died before its parent knew, tells it all the same', async () => {
    const world = await openWorld();
    const { parent } = family([]);
    const said = signalled();
    // The process dies with the word on its way.
    const silent = interceptSagaStore(world.store, (call, proceed) => {
      if (call.method !== 'post') return proceed();
      said.resolve();
      return never();
    });
    const first = await world.engine([parent], { store: silent });
    const { sagaId } = await first.start(parent, {});
    await world.clock.settle(said.promise);
    await world.clock.settle(first.stop({ timeout: 0 }));
    const next = await world.engine([parent]);
    expect(await world.settled(next, sagaId)).toMatchObject({ status: 'completed' });
  });

  test('whose input comes from a clock is begun once, however often its parent’s process dies', async () => {
    const world = await openWorld();
    const inputs: unknown[] = [];
    const child = saga<{ readonly asked: number }, InMemoryTransaction>('asked')
      .step('a', { execute: ({ input }) => void inputs.push(input.asked) })
      .build();
    let asked = 0;
    const parent = saga<null, InMemoryTransaction>('asking')
      .child('ask', child, { input: () => ({ asked: (asked += 1) }) })
      .build();
    const created = signalled();
    const dying = interceptSagaStore(world.store, async (call, proceed) => {
      const value = await proceed();
      if (call.method !== 'create' || asked === 0) return value;
      created.resolve();
      return never();
    });
    const first = await world.engine([parent], { store: dying });
    const { sagaId } = await first.start(parent, null);
    await world.clock.settle(created.promise);
    await world.clock.settle(first.stop({ timeout: 0 }));
    const next = await world.engine([parent]);
    expect(await world.settled(next, sagaId)).toMatchObject({ status: 'completed' });
    expect([asked, inputs]).toEqual([2, [1]]);
  });

  test('that is undone while its parent is being told of its end tells it of that end too', async () => {
    const world = await openWorld();
    const { parent } = family([]);
    const gate = signalled();
    const said: string[] = [];
    const slow = interceptSagaStore(world.store, async (call, proceed) => {
      const message = call.arguments[1] as { readonly messageId?: string } | undefined;
      if (call.method === 'post' && message?.messageId?.endsWith(':completed')) await gate.promise;
      if (call.method === 'post') said.push(message?.messageId?.split(':').at(-1) ?? '');
      return proceed();
    });
    const engine = await world.engine([parent], { store: slow });
    const { sagaId } = await engine.start(parent, {});
    await world.clock.advance('100ms');
    const child = `${sagaId}::deliver`;
    await world.store.post(child, {
      kind: 'undo',
      messageId: 'undo-it',
      at: world.clock.now(),
    });
    await world.clock.advance('1s');
    gate.resolve();
    await world.clock.advance('1s');
    expect(await engine.get(child)).toMatchObject({ status: 'compensated' });
    expect(said.toSorted()).toEqual(['compensated', 'completed']);
    expect((await world.store.load(child))?.summary.wakeAt).toBeNull();
  });

  test('whose completion crosses with its undoing is waited for until it is undone', async () => {
    const world = await openWorld();
    const stage = new Stage();
    const child = saga<null, InMemoryTransaction>('crossed')
      .step('inner', stage.step('inner'))
      .build();
    const parent = saga<null, InMemoryTransaction>('crossing')
      .step('first', stage.step('first'))
      .child('kid', child, { input: () => null })
      .build();
    const gate = signalled();
    // Its word that it is completed is on its way for as long as the test likes.
    const slow = interceptSagaStore(world.store, async (call, proceed) => {
      const message = call.arguments[1] as { readonly messageId?: string } | undefined;
      if (call.method === 'post' && message?.messageId?.endsWith(':completed')) await gate.promise;
      return proceed();
    });
    const engine = await world.engine([parent], { store: slow });
    const { sagaId } = await engine.start(parent, null);
    await world.clock.advance('100ms');
    stage.let('undo inner', 'hold');
    await engine.cancel(sagaId);
    await world.clock.advance('100ms');
    gate.resolve();
    await world.clock.advance('2s');
    expect(stage.log).toEqual(['first/do', 'inner/do', 'inner/undo']);
    stage.release('undo inner');
    expect((await world.settled(engine, sagaId)).status).toBe('compensated');
    expect(stage.log.at(-1)).toBe('first/undo');
  });
});
