import { type PotterError, Rejection } from 'potter-runtime/errors';
import { simpleRetry } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld, signalled } from '../saga-world.ts';

const three = saga<{ readonly n: number }, InMemoryTransaction>('three')
  .step('one', { execute: ({ input }) => ({ value: input.n }) })
  .step('two', { execute: ({ results }) => results.one.value * 2 })
  .step('three', { execute: ({ results }) => results.two + 1 })
  .build();

/** Long enough for somebody else to come in between. */
const someTurns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
};

const unhurried = saga<null, InMemoryTransaction>('unhurried')
  .step('one', { execute: someTurns })
  .step('two', { execute: someTurns })
  .step('three', { execute: someTurns })
  .build();

const refusal = (): never => {
  throw new Rejection('REFUSED', 'No.');
};

describe('time', () => {
  test('an attempt out of time is told so, and its late result is discarded', async () => {
    const world = await openWorld();
    const reasons: unknown[] = [];
    const late = signalled<string>();
    const definition = saga<null, InMemoryTransaction>('late')
      .step('deaf', {
        execute: ({ signal, attempt }) => {
          signal.addEventListener('abort', () => reasons.push((signal.reason as PotterError).code));
          return attempt === 1 ? late.promise : 'second';
        },
        timeout: '2s',
        retry: simpleRetry({ delay: 10 }),
      })
      .build();
    const engine = await world.engine([definition], { grace: 100 });
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('2s');
    late.resolve('too late');
    await world.clock.advance('1s');
    expect(await engine.get(sagaId)).toMatchObject({
      status: 'completed',
      results: { deaf: 'second' },
    });
    expect(reasons).toEqual(['SAGA_STEP_TIMED_OUT']);
    const { history } = await engine.history(sagaId);
    expect(history[0]).toMatchObject({
      status: 'failed',
      durationMs: 2_000,
      error: { code: 'SAGA_STEP_TIMED_OUT' },
    });
  });

  test('a transactional attempt out of time writes nothing, however late it ends', async () => {
    const world = await openWorld();
    const written: number[] = [];
    const late = signalled();
    const definition = saga<null, InMemoryTransaction>('late-write')
      .transactionalStep('write', {
        execute: async ({ tx, attempt }) => {
          tx.onCommit(() => void written.push(attempt));
          if (attempt === 1) await late.promise;
        },
        timeout: '1s',
        retry: simpleRetry({ delay: 10 }),
      })
      .build();
    const engine = await world.engine([definition], { grace: 100 });
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance('3s');
    expect((await engine.get(sagaId)).status).toBe('completed');
    late.resolve();
    await world.clock.advance('3s');
    expect(written).toEqual([2]);
  });

  test('a saga out of time is undone; an attempt it interrupts counts as it ends', async () => {
    const world = await openWorld();
    const undone: unknown[] = [];
    const definition = saga<null, InMemoryTransaction>('deadline', { timeout: '5s' })
      .step('slow', {
        execute: ({ signal }) =>
          new Promise<string>((resolve) => {
            signal.addEventListener('abort', () => resolve('stopped half-way'));
          }),
        compensate: ({ outcome, result }) => void undone.push([outcome, result]),
      })
      .step('never', { execute: () => void undone.push('reached') })
      .build();
    const engine = await world.engine([definition]);
    const view = await world.settle(engine, definition, null);
    expect([view.status, view.error?.code]).toEqual(['compensated', 'SAGA_TIMED_OUT']);
    expect(undone).toEqual([['done', 'stopped half-way']]);
  });

  test('no timer is kept for a saga that only waits for its own attempt without a deadline', async () => {
    const world = await openWorld();
    const engine = await world.engine([three]);
    await world.settle(engine, three, { n: 1 });
    const idle = world.clock.pending;
    await Promise.all(Array.from({ length: 50 }, () => world.settle(engine, three, { n: 1 })));
    expect(world.clock.pending).toBe(idle);
  });
});

/** A saga whose first step waits for a gate. */
const slow = (log: string[], gate: Promise<void>) =>
  saga<null, InMemoryTransaction>('slow')
    .step('first', {
      execute: async ({ signal }) => {
        signal.addEventListener('abort', () => log.push('told to stop'));
        await gate;
      },
      compensate: async ({ signal }) => {
        await Promise.resolve();
        log.push(signal.aborted ? 'undo aborted' : 'undone');
      },
    })
    .step('second', { execute: () => void log.push('second') })
    .build();

describe('cancelling', () => {
  test('stops what runs, waits for it, and undoes it', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const gate = signalled();
    const definition = slow(log, gate.promise);
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, null);
    await engine.cancel(sagaId);
    await world.clock.advance(100);
    expect(log).toEqual(['told to stop']);
    gate.resolve();
    const view = await world.settled(engine, sagaId);
    expect([view.status, view.error?.code, log]).toEqual([
      'compensated',
      'SAGA_CANCELLED',
      ['told to stop', 'undone'],
    ]);
    await expect(engine.cancel(sagaId)).rejects.toMatchObject({ code: 'SAGA_ALREADY_FINISHED' });
  });

  test('while undoing is accepted and changes nothing', async () => {
    const world = await openWorld();
    const gate = signalled();
    const undone: boolean[] = [];
    const definition = saga<null, InMemoryTransaction>('undoing')
      .step('a', {
        execute: () => 1,
        compensate: async ({ signal }) => {
          await gate.promise;
          undone.push(signal.aborted);
        },
      })
      .step('b', { execute: refusal })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await engine.start(definition, null);
    await world.clock.advance(10);
    await engine.cancel(sagaId);
    await world.clock.advance(10);
    gate.resolve();
    const view = await world.settled(engine, sagaId);
    expect([view.status, view.error?.code, undone]).toEqual(['compensated', 'REFUSED', [false]]);
  });

  test('or completing wins, never both, at whatever moment it comes', async () => {
    const world = await openWorld();
    const engine = await world.engine([unhurried]);
    const outcomes = new Set<string>();
    // A store that is far away may need more turns than these, on a busy machine by far.
    const isEnough = (delay: number): boolean => delay >= 40 && outcomes.size === 2;
    for (let delay = 0; delay < 100_000 && !isEnough(delay); delay += Math.max(1, delay - 40)) {
      const { sagaId } = await engine.start(unhurried, null);
      for (let turn = 0; turn < delay; turn += 1) await world.ground.turn();
      const cancelled = await engine.cancel(sagaId).then(
        () => true,
        () => false,
      );
      const { status } = await world.settled(engine, sagaId);
      expect(status).toBe(cancelled ? 'compensated' : 'completed');
      outcomes.add(status);
    }
    expect([...outcomes].sort()).toEqual(['compensated', 'completed']);
  });

  test('is heard although its notification was lost', async () => {
    const world = await openWorld();
    const log: string[] = [];
    const gate = signalled();
    const definition = slow(log, gate.promise);
    const engine = await world.engine([definition], {
      store: { ...world.counted(() => {}), listen: async () => async () => {} },
    });
    await world.clock.advance(10);
    const { sagaId } = await engine.start(definition, null);
    await engine.cancel(sagaId);
    await world.clock.advance('1s');
    expect(log).toEqual(['told to stop']);
    gate.resolve();
    expect((await world.settled(engine, sagaId)).status).toBe('compensated');
  });
});
