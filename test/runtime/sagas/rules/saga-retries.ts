import { Rejection } from 'potter-runtime/errors';
import { exponentialBackoff, noRetry, simpleRetry } from 'potter-runtime/foundation';
import { type InMemoryTransaction, RetryLater, saga } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld, unhurried } from '../saga-world.ts';

const unwell = (): never => {
  throw new Error('not yet');
};

describe('a saga that waits for a person', () => {
  test('a defect that was repaired goes on forward when resumed, with all retries', async () => {
    const world = await openWorld();
    const repaired = { done: false };
    const definition = saga<null, InMemoryTransaction>('repaired')
      .step('only', {
        execute: () => {
          if (!repaired.done) throw new TypeError('a bug');
          return 'fixed';
        },
        retry: simpleRetry({ maxAttempts: 2, delay: 10 }),
      })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await world.settle(engine, definition, null);
    repaired.done = true;
    await engine.resume(sagaId);
    await world.clock.advance('2s');
    expect(await engine.get(sagaId)).toMatchObject({
      status: 'completed',
      results: { only: 'fixed' },
      error: null,
    });
  });

  test('a paused saga can be cancelled instead', async () => {
    const world = await openWorld();
    const definition = saga<null, InMemoryTransaction>('paused')
      .step('only', {
        execute: () => {
          throw new TypeError('a bug');
        },
        retry: noRetry,
      })
      .build();
    const engine = await world.engine([definition]);
    const { sagaId } = await world.settle(engine, definition, null);
    await engine.cancel(sagaId);
    await world.clock.advance('2s');
    expect(await engine.get(sagaId)).toMatchObject({
      status: 'compensated',
      error: { code: 'SAGA_CANCELLED' },
    });
  });
});

describe('retries', () => {
  test('wait as their policy says, no shorter than the one who failed asked', async () => {
    const world = await openWorld();
    const begun: number[] = [];
    const definition = saga<null, InMemoryTransaction>('waits')
      .step('only', {
        execute: ({ attempt }) => {
          begun.push(world.clock.now().getTime());
          if (attempt === 2) throw new RetryLater('5s');
          if (attempt < 5) throw new Error('not yet');
          return attempt;
        },
        retry: exponentialBackoff({
          maxAttempts: 10,
          initialDelay: 100,
          maxDelay: 300,
          jitter: 'none',
        }),
      })
      .build();
    const engine = await world.engine([definition], { keep: '1h' });
    const view = await world.settle(engine, definition, null);
    expect(view.results).toEqual({ only: 5 });
    expect(begun.slice(1).map((at, n) => at - (begun[n] ?? 0))).toEqual([100, 5_000, 300, 300]);
  });

  test('are not made after the time for all attempts is up', async () => {
    const world = await openWorld();
    let calls = 0;
    const definition = saga<null, InMemoryTransaction>('in-all')
      .step('only', {
        execute: () => {
          calls += 1;
          throw new Error('x');
        },
        retry: simpleRetry({ maxAttempts: 100, delay: 100 }),
        totalTimeout: 450,
      })
      .build();
    const engine = await world.engine([definition]);
    expect((await world.settle(engine, definition, null)).status).toBe('compensated');
    expect(calls).toBe(5);
  });

  test.each([
    { asked: 'a time', later: (now: Date) => new Date(now.getTime() + 7_000), waitMs: 7_000 },
    { asked: 'a duration', later: () => '7s' as const, waitMs: 7_000 },
    { asked: 'a time that has passed', later: () => new Date(0), waitMs: 100 },
  ])('wait for $asked that was asked for, when it is later', async ({ later, waitMs }) => {
    const world = await openWorld();
    const begun: number[] = [];
    const definition = saga<null, InMemoryTransaction>('asked')
      .step('only', {
        execute: ({ attempt }) => {
          begun.push(world.clock.now().getTime());
          if (attempt === 1) throw new RetryLater(later(world.clock.now()));
        },
        retry: simpleRetry({ delay: 100 }),
      })
      .build();
    const engine = await world.engine([definition], { keep: '1h' });
    expect((await world.settle(engine, definition, null)).status).toBe('completed');
    expect((begun[1] ?? 0) - (begun[0] ?? 0)).toBe(waitMs);
  });

  test('are not made when the wait that was asked for is longer than there is time', async () => {
    const world = await openWorld();
    let calls = 0;
    const definition = saga<null, InMemoryTransaction>('too-long')
      .step('only', {
        execute: () => {
          calls += 1;
          throw new RetryLater('1m');
        },
        retry: exponentialBackoff({ maxElapsed: '30s' }),
      })
      .build();
    const engine = await world.engine([definition]);
    const begun = world.clock.now().getTime();
    expect((await world.settle(engine, definition, null)).status).toBe('compensated');
    expect([calls, world.clock.now().getTime() - begun < 30_000]).toEqual([1, true]);
  });

  test('of an undo are its own: twenty attempts unless told otherwise, whatever the doing has', async () => {
    const world = await openWorld();
    const attempts: number[] = [];
    const definition = saga<null, InMemoryTransaction>('own')
      .step('it', {
        execute: ({ attempt }) => attempt,
        retry: noRetry,
        nonRetryable: () => true,
        compensate: ({ attempt }) => {
          attempts.push(attempt);
          return unwell();
        },
      })
      .step('last', {
        execute: () => {
          throw new Rejection('REFUSED', 'No.');
        },
      })
      .build();
    const engine = await world.engine([definition], unhurried);
    expect((await world.settle(engine, definition, null)).status).toBe('failed');
    expect(attempts).toEqual(Array.from({ length: 20 }, (_, before) => before + 1));
  });

  test.each([
    {
      kept: 'number and growth of the waits',
      retry: { factor: 2, jitter: 'none', maxAttempts: 4 },
      waits: [1_000, 2_000, 4_000],
    },
    {
      kept: 'time of them all',
      retry: { factor: 1, jitter: 'none', maxAttempts: 100, maxElapsed: '3s' },
      waits: [1_000, 1_000, 1_000],
    },
    {
      kept: 'wait before, on which the next one depends',
      retry: { jitter: 'decorrelated', maxAttempts: 4 },
      waits: [2_000, 3_500, 5_750],
    },
  ] as const)('go on after a crash where they were: the $kept', async ({ retry, waits }) => {
    const world = await openWorld();
    const begun: number[] = [];
    const numbers: number[] = [];
    const definition = saga<null, InMemoryTransaction>('crashed')
      .step('only', {
        execute: ({ attempt }) => {
          begun.push(world.clock.now().getTime());
          numbers.push(attempt);
          // The second one is still at it when its process dies.
          return attempt === 2 ? new Promise<never>(() => {}) : unwell();
        },
        retry: exponentialBackoff({ initialDelay: '1s', maxDelay: '1h', ...retry }),
        timeout: '1h',
      })
      .build();
    const options = { keep: '1h' } as const;
    const first = await world.engine([definition], options);
    const { sagaId } = await first.start(definition, null);
    await world.clock.advance(waits[0]);
    await world.kill('worker-1');
    const second = await world.engine([definition], options);
    expect((await world.settled(second, sagaId)).status).toBe('compensated');
    expect(numbers).toEqual([1, 2, 3, 4, 5]);
    expect(begun.slice(1).map((at, n) => at - (begun[n] ?? 0))).toEqual([
      waits[0],
      0,
      ...waits.slice(1),
    ]);
  });

  test('long waits are given back to the store, and taken up by whoever is there', async () => {
    const world = await openWorld();
    const definition = saga<null, InMemoryTransaction>('long')
      .step('only', {
        execute: ({ attempt }) => {
          if (attempt === 1) throw new Error('not yet');
          return attempt;
        },
        retry: simpleRetry({ delay: '10m' }),
      })
      .build();
    const first = await world.engine([definition], unhurried);
    const { sagaId } = await first.start(definition, null);
    await world.clock.advance('1s');
    await first.stop();
    const second = await world.engine([definition], unhurried);
    await world.clock.advance('20m');
    expect(await second.get(sagaId)).toMatchObject({ status: 'completed', results: { only: 2 } });
    const { history } = await second.history(sagaId);
    expect(history.map(({ status, attempt }) => [status, attempt])).toEqual([
      ['failed', 1],
      ['completed', 2],
    ]);
  });
});
