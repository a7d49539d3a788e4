import type { PotterError } from 'potter-runtime/errors';
import { Rejection } from 'potter-runtime/errors';
import { noRetry, simpleRetry, sleep } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld, type SagaWorld } from '../saga-world.ts';

/** What the first attempt does, which has two seconds, and one more to end when it is told to. */
interface Behaviour {
  readonly attempt: string;
  readonly runs: (signal: AbortSignal, world: SagaWorld) => Promise<string>;
}

const whenTold = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

const BEHAVIOURS: readonly Behaviour[] = [
  {
    attempt: 'stops as it is told',
    runs: async (signal, { clock }) => {
      await sleep(3_600_000, { clock, signal });
      return 'late';
    },
  },
  {
    attempt: 'returns when it is told',
    runs: async (signal) => {
      await whenTold(signal);
      return 'late';
    },
  },
  {
    attempt: 'returns after it was given up',
    runs: async (_signal, { clock }) => {
      await sleep(4_000, { clock });
      return 'late';
    },
  },
  {
    attempt: 'throws after it was given up',
    runs: async (_signal, { clock }) => {
      await sleep(4_000, { clock });
      throw new Error('late');
    },
  },
  {
    attempt: 'says no after it was given up',
    runs: async (_signal, { clock }) => {
      await sleep(4_000, { clock });
      throw new Rejection('LATE', 'No.');
    },
  },
  { attempt: 'never ends', runs: () => new Promise<never>(() => {}) },
];

const policy = {
  timeout: '2s',
  retry: simpleRetry({ maxAttempts: 3, delay: 10 }),
  compensateRetry: simpleRetry({ maxAttempts: 3, delay: 10 }),
} as const;

describe('an attempt out of time', () => {
  test.each(BEHAVIOURS)(
    'that $attempt counts as unknown, is tried again, and nothing it brings is heard: doing',
    async ({ runs }) => {
      const world = await openWorld();
      const reasons: string[] = [];
      const definition = saga<null, InMemoryTransaction>('doing')
        .step('it', {
          ...policy,
          execute: async ({ signal, attempt }) => {
            signal.addEventListener('abort', () =>
              reasons.push((signal.reason as PotterError).code),
            );
            if (attempt === 1) return runs(signal, world);
            // Long enough for whatever the first one still brings.
            await sleep(1_900, { clock: world.clock });
            return `attempt ${attempt}`;
          },
        })
        .sleep('a-while', '10s')
        .build();
      const engine = await world.engine([definition]);
      const { status, results, sagaId } = await world.settle(engine, definition, null);
      expect([status, results]).toEqual(['completed', { it: 'attempt 2' }]);
      expect(reasons).toEqual(['SAGA_STEP_TIMED_OUT']);
      const events = await world.events(sagaId);
      const ends = events.filter(({ type }) => /^Attempt(Completed|Failed)$/.test(type));
      expect(ends).toMatchObject([
        { type: 'AttemptFailed', outcome: 'unknown', error: { code: 'SAGA_STEP_TIMED_OUT' } },
        { type: 'AttemptCompleted', attempt: 2 },
      ]);
    },
  );

  test.each(BEHAVIOURS)(
    'that $attempt counts as unknown, is tried again, and nothing it brings is heard: undoing',
    async ({ runs }) => {
      const world = await openWorld();
      const definition = saga<null, InMemoryTransaction>('undoing')
        .step('it', {
          ...policy,
          execute: () => 'done',
          compensate: ({ signal, attempt }) => (attempt === 1 ? runs(signal, world) : 'undone'),
        })
        .step('last', {
          execute: () => {
            throw new Rejection('REFUSED', 'No.');
          },
        })
        .build();
      const engine = await world.engine([definition]);
      const { status, sagaId } = await world.settle(engine, definition, null);
      await world.clock.advance('10s');
      expect(status).toBe('compensated');
      const events = await world.events(sagaId);
      const ends = events.filter(
        (event) => 'direction' in event && event.direction === 'compensate',
      );
      expect(ends.map(({ type }) => type)).toEqual([
        'AttemptStarted',
        'AttemptFailed',
        'AttemptStarted',
        'AttemptCompleted',
      ]);
      expect(ends[1]).toMatchObject({ outcome: 'unknown', error: { code: 'SAGA_STEP_TIMED_OUT' } });
    },
  );

  test.each([
    { time: 'by default 30 s', policy: {}, doMs: 30_000, undoMs: 30_000 },
    { time: 'the same for both', policy: { timeout: '3s' }, doMs: 3_000, undoMs: 3_000 },
    {
      time: 'one for doing and one for undoing',
      policy: { timeout: '3s', compensateTimeout: '50s' },
      doMs: 3_000,
      undoMs: 50_000,
    },
  ] as const)('is told so when its time is up: $time', async ({ policy: times, doMs, undoMs }) => {
    const world = await openWorld();
    const tookMs: number[] = [];
    const untilTold = async ({ signal }: { readonly signal: AbortSignal }): Promise<void> => {
      const begun = world.clock.now().getTime();
      await whenTold(signal);
      tookMs.push(world.clock.now().getTime() - begun);
    };
    const definition = saga<null, InMemoryTransaction>('told')
      .step('it', {
        execute: untilTold,
        compensate: untilTold,
        retry: noRetry,
        compensateRetry: noRetry,
        ...times,
      })
      .build();
    const engine = await world.engine([definition]);
    expect((await world.settle(engine, definition, null)).status).toBe('failed');
    expect(tookMs).toEqual([doMs, undoMs]);
  });

  test('that looks at its signal for the first time then sees that it has fired', async () => {
    const world = await openWorld();
    const seen: boolean[] = [];
    const definition = saga<null, InMemoryTransaction>('late-look')
      .step('it', {
        execute: async (context) => {
          await sleep(2_500, { clock: world.clock });
          seen.push(context.signal.aborted);
        },
        timeout: '2s',
        retry: noRetry,
      })
      .build();
    const engine = await world.engine([definition]);
    expect((await world.settle(engine, definition, null)).status).toBe('compensated');
    expect(seen).toEqual([true]);
  });

  test('for all attempts together ends the one that runs, and there is no other', async () => {
    const world = await openWorld();
    const begun: number[] = [];
    const from = world.clock.now().getTime();
    const definition = saga<null, InMemoryTransaction>('in-all')
      .step('it', {
        ...policy,
        totalTimeout: '5s',
        execute: ({ signal }) => {
          begun.push(world.clock.now().getTime() - from);
          return sleep(3_600_000, { clock: world.clock, signal });
        },
      })
      .build();
    const engine = await world.engine([definition]);
    const { status, error, finishedAt } = await world.settle(engine, definition, null);
    expect([status, error?.code]).toEqual(['compensated', 'SAGA_STEP_TIMED_OUT']);
    expect(begun).toEqual([0, 2_010, 4_020]);
    expect((finishedAt?.getTime() ?? 0) - from).toBe(5_000);
  });
});
