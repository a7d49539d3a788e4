import { type InMemoryTransaction, saga, signal } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld, signalled, unhurried } from '../saga-world.ts';

const approval = signal('approval', (value) => {
  if (typeof value !== 'object' || value === null || !('by' in value))
    throw new TypeError('No by.');
  return { by: String(value.by) };
});

/** When a word comes to a saga that begins to wait for it after a minute, and waits for a minute. */
const MOMENTS: readonly {
  readonly comes: string;
  readonly afterMs: number;
  readonly order: 'first' | 'last';
  readonly heard: 'heard' | 'too late';
}[] = [
  { comes: 'long before the wait', afterMs: 1, order: 'last', heard: 'heard' },
  {
    comes: 'in the millisecond in which the wait begins, before it',
    afterMs: 60_000,
    order: 'first',
    heard: 'heard',
  },
  {
    comes: 'in the millisecond in which the wait begins, after it',
    afterMs: 60_000,
    order: 'last',
    heard: 'heard',
  },
  { comes: 'while it is waited for', afterMs: 90_000, order: 'last', heard: 'heard' },
  {
    comes: 'in the millisecond in which patience ends, before it does',
    afterMs: 120_000,
    order: 'first',
    heard: 'heard',
  },
  { comes: 'after patience has ended', afterMs: 120_001, order: 'last', heard: 'too late' },
];

describe('a timer', () => {
  test('lets go of the saga and takes it up when the time has come', async () => {
    const world = await openWorld();
    const definition = saga<null, InMemoryTransaction>('sleeper')
      .step('before', { execute: () => 2 })
      .sleep('night', ({ results }) => results.before * 3_600_000)
      .step('after', { execute: () => 'woken' })
      .build();
    const engine = await world.engine([definition], unhurried);
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('1h');
    expect(await engine.get(sagaId)).toMatchObject({ status: 'running', currentStep: 'night' });
    expect((await world.store.load(sagaId))?.summary.wakeAt).toEqual(
      new Date(world.clock.now().getTime() + 3_600_000),
    );
    await engine.stop();
    const next = await world.engine([definition], unhurried);
    await world.clock.advance('61m');
    expect(await next.get(sagaId)).toMatchObject({ status: 'completed' });
  });

  test('is made once, of a duration or a time, whatever the clock says later', async () => {
    const world = await openWorld();
    const asked: string[] = [];
    const from = world.clock.now().getTime();
    const definition = saga<null, InMemoryTransaction>('made')
      .sleep('for', () => {
        asked.push('for');
        return '90s';
      })
      .sleep('until', () => {
        asked.push('until');
        return new Date(from + 240_000);
      })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('30s');
    await world.clock.settle(engine.stop());
    const next = await world.engine([definition]);
    const { finishedAt } = await world.settled(next, sagaId);
    expect(asked).toEqual(['for', 'until']);
    // No later than a poll after its time.
    expect(Math.floor(((finishedAt?.getTime() ?? 0) - from) / 1_000 - 240)).toBeOneOf([0, 1]);
  });

  test('in one branch does not hide an earlier one in another', async () => {
    const world = await openWorld();
    const woken: number[] = [];
    const from = world.clock.now().getTime();
    const note = {
      execute: () => void woken.push(Math.floor((world.clock.now().getTime() - from) / 60_000)),
    };
    const definition = saga<null, InMemoryTransaction>('two-timers')
      .parallel('both', (both) =>
        both
          .branch((b) => b.sleep('short', '5m').step('early', note))
          .branch((b) => b.sleep('long', '20m').step('late', note)),
      )
      .build();
    const engine = await world.engine([definition]);
    await world.settle(engine, definition, null);
    expect(woken).toEqual([5, 20]);
  });
});

describe('a signal', () => {
  const waits = saga<null, InMemoryTransaction>('waits')
    .step('ask', { execute: () => 'asked', compensate: () => {} })
    .waitFor('approved', approval, { timeout: '2h' })
    .step('act', { execute: ({ results }) => `for ${results.approved.by}` })
    .build();

  test('wakes the saga that waits for it', async () => {
    const world = await openWorld();
    const engine = await world.engine([waits], unhurried);
    const { sagaId } = await engine.start(waits, null);
    await world.clock.advance('1h');
    await engine.signal(sagaId, approval, { by: 'Ann' });
    await world.clock.advance('1s');
    expect(await engine.get(sagaId)).toMatchObject({
      status: 'completed',
      results: { approved: { by: 'Ann' }, act: 'for Ann' },
    });
    await expect(engine.signal(sagaId, approval, { by: 'Bob' })).rejects.toMatchObject({
      code: 'SAGA_ALREADY_FINISHED',
    });
  });

  test('that comes early is kept, and the same one is heard once', async () => {
    const world = await openWorld();
    const twice = saga<null, InMemoryTransaction>('twice')
      .sleep('a-while', '1m')
      .waitFor('first', approval)
      .waitFor('second', approval, { timeout: '1m', onTimeout: 'continue' })
      .build();
    const engine = await world.engine([twice]);
    const { sagaId } = await engine.start(twice, null);
    for (const by of ['Ann', 'Ann again']) {
      await engine.signal(sagaId, approval, { by }, { messageId: 'm-1' });
    }
    await world.clock.advance('3m');
    expect(await engine.get(sagaId)).toMatchObject({
      status: 'completed',
      results: { first: { by: 'Ann' }, second: { received: false } },
    });
  });

  test('of another name is not heard; of one name the first to come is heard first, paused or not begun', async () => {
    const world = await openWorld();
    const other = signal('other');
    const inOrder = saga<null, InMemoryTransaction>('in-order')
      .waitFor('first', approval)
      .waitFor('second', approval)
      .build();
    const { sagaId } = await world.idle([inOrder]).start(inOrder, null);
    const teller = world.idle([inOrder]);
    await teller.signal(sagaId, other, 'something else');
    await teller.signal(sagaId, approval, { by: 'Ann' });
    const engine = await world.engine([inOrder]);
    await world.clock.advance('1s');
    expect((await engine.get(sagaId)).results).toEqual({ first: { by: 'Ann' } });
    await engine.pause(sagaId);
    await world.clock.advance('1s');
    for (const by of ['Bob', 'Cleo']) await teller.signal(sagaId, approval, { by });
    await world.clock.advance('1s');
    await engine.resume(sagaId);
    expect(await world.settled(engine, sagaId)).toMatchObject({
      status: 'completed',
      results: { first: { by: 'Ann' }, second: { by: 'Bob' } },
    });
  });

  test('that comes while its process is stopping is heard by the next one', async () => {
    const world = await openWorld();
    const gate = signalled();
    const definition = saga<null, InMemoryTransaction>('stopping')
      .parallel('all', (all) =>
        all
          .step('long', { execute: () => gate.promise.then(() => 1) })
          .branch((wait) => wait.waitFor('approved', approval)),
      )
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, null);
    const stopped = engine.stop();
    await world.clock.advance('1s');
    await engine.signal(sagaId, approval, { by: 'Ann' });
    gate.resolve();
    await world.clock.settle(stopped);
    const next = await world.engine([definition]);
    expect(await world.settled(next, sagaId)).toMatchObject({
      status: 'completed',
      results: { long: 1, approved: { by: 'Ann' } },
    });
  });

  test('is one branch’s, when several wait for it', async () => {
    const world = await openWorld();
    const both = saga<null, InMemoryTransaction>('both')
      .parallel('all', (all) =>
        all
          .branch((one) => one.waitFor('one', approval))
          .branch((other) => other.waitFor('other', approval)),
      )
      .build();
    const engine = await world.engine([both]);
    const { sagaId } = await engine.start(both, null);
    await engine.signal(sagaId, approval, { by: 'Ann' });
    await world.clock.advance('1m');
    expect(await engine.get(sagaId)).toMatchObject({
      status: 'running',
      results: { one: { by: 'Ann' } },
    });
    await engine.signal(sagaId, approval, { by: 'Bob' });
    await world.clock.advance('1m');
    expect(await engine.get(sagaId)).toMatchObject({
      status: 'completed',
      results: { one: { by: 'Ann' }, other: { by: 'Bob' } },
    });
  });

  test('that comes just while the wait begins is never lost, whichever is written first', async () => {
    const world = await openWorld();
    const tell: ((sagaId: string, turns: number) => Promise<void>)[] = [];
    const racing = saga<number, InMemoryTransaction>('racing')
      .step('ask', {
        execute: ({ sagaId, input }) => {
          // Not waited for: it arrives so many turns later, before, in or after the commit that begins the wait.
          void tell[0]?.(sagaId, input);
        },
      })
      .waitFor('approved', approval, { timeout: '1h' })
      .build();
    const engine = await world.engine([racing], unhurried);
    tell.push(async (sagaId, turns) => {
      for (let turn = 0; turn < turns; turn += 1) await world.ground.turn();
      await engine.signal(sagaId, approval, { by: `after ${turns}` });
    });
    for (let turns = 0; turns < 40; turns += 1) {
      expect(await world.settle(engine, racing, turns)).toMatchObject({
        status: 'completed',
        results: { approved: { by: `after ${turns}` } },
      });
    }
  });

  test.each(MOMENTS)('that comes $comes: $heard', async ({ afterMs, order, heard }) => {
    const world = await openWorld();
    const patient = saga<null, InMemoryTransaction>('patient')
      .sleep('a-while', 60_000)
      .waitFor('approved', approval, { timeout: 60_000, onTimeout: 'continue' })
      .build();
    const engine = await world.engine([patient], unhurried);
    const send = (sagaId: string): void => {
      world.clock.schedule(afterMs, () => {
        void engine.signal(sagaId, approval, { by: 'Ann' }).catch(() => {});
      });
    };
    // Of timers of one moment the one that was set first is the first to fire.
    if (order === 'first') send('s');
    await engine.start(patient, null, { sagaId: 's' });
    if (order === 'last') send('s');
    const { results } = await world.settled(engine, 's');
    const received = { received: true, value: { by: 'Ann' } };
    expect(results).toEqual({ approved: heard === 'heard' ? received : { received: false } });
  });

  test('that does not come in time undoes the saga', async () => {
    const world = await openWorld();
    const engine = await world.engine([waits], unhurried);
    const { sagaId } = await engine.start(waits, null);
    await world.clock.advance('121m');
    expect(await engine.get(sagaId)).toMatchObject({
      status: 'compensated',
      error: { code: 'SAGA_SIGNAL_TIMED_OUT', step: 'approved' },
    });
  });

  test('of another form is refused where it is sent', async () => {
    const world = await openWorld();
    const engine = await world.engine([waits], unhurried);
    const { sagaId } = await engine.start(waits, null);
    await expect(engine.signal(sagaId, approval, 7 as never)).rejects.toThrow('No by.');
  });
});
