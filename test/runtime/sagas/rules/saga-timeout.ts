import { simpleRetry, sleep } from 'potter-runtime/foundation';
import { type InMemoryTransaction, saga, type SagaDefinition, signal } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld, type SagaWorld } from '../saga-world.ts';

const word = signal('word');

/** What the saga is doing when its minute is over. */
interface Moment {
  readonly doing: string;
  readonly definition: (
    world: SagaWorld,
    log: string[],
  ) => SagaDefinition<null, InMemoryTransaction>;
  readonly status: 'compensated' | 'completed';
  /** What was done and undone. */
  readonly log: readonly string[];
}

const slow = (log: string[], world: SagaWorld, name: string, ms: number) => ({
  execute: async () => {
    await sleep(ms, { clock: world.clock });
    log.push(name);
  },
  timeout: '10m' as const,
});

const begin = (log: string[]) =>
  saga<null, InMemoryTransaction>('limited', { timeout: '1m' }).step('first', {
    execute: () => void log.push('first'),
    compensate: () => void log.push('undo first'),
  });

const MOMENTS: readonly Moment[] = [
  {
    doing: 'a step, which may end, and is undone',
    definition: (world, log) =>
      begin(log)
        .step('slow', {
          ...slow(log, world, 'slow', 60_500),
          compensate: ({ outcome }) => void log.push(`undo slow, ${outcome}`),
        })
        .step('never', { execute: () => void log.push('never') })
        .build(),
    status: 'compensated',
    log: ['first', 'slow', 'undo slow, done', 'undo first'],
  },
  {
    doing: 'a step that does not listen, which is given up',
    definition: (_world, log) =>
      begin(log)
        .step('deaf', {
          execute: () => new Promise<never>(() => {}),
          timeout: '10m',
          compensate: ({ outcome }) => void log.push(`undo deaf, ${outcome}`),
        })
        .build(),
    status: 'compensated',
    log: ['first', 'undo deaf, unknown', 'undo first'],
  },
  {
    doing: 'nothing but waiting for a retry',
    definition: (_world, log) =>
      begin(log)
        .step('failing', {
          execute: () => {
            throw new Error('not today');
          },
          retry: simpleRetry({ maxAttempts: 10, delay: '40s' }),
        })
        .build(),
    status: 'compensated',
    log: ['first', 'undo first'],
  },
  {
    doing: 'nothing but sleeping',
    definition: (_world, log) => begin(log).sleep('long', '1h').build(),
    status: 'compensated',
    log: ['first', 'undo first'],
  },
  {
    doing: 'nothing but waiting for a word',
    definition: (_world, log) => begin(log).waitFor('told', word).build(),
    status: 'compensated',
    log: ['first', 'undo first'],
  },
  {
    doing: 'a saga within it, which is undone',
    definition: (_world, log) => {
      const child = saga<null, InMemoryTransaction>('child')
        .step('inner', {
          execute: () => void log.push('inner'),
          compensate: () => void log.push('undo inner'),
        })
        .sleep('long', '1h')
        .build();
      return begin(log)
        .child('child', child, { input: () => null })
        .build();
    },
    status: 'compensated',
    log: ['first', 'inner', 'undo inner', 'undo first'],
  },
  {
    doing: 'its pivot, and goes forward',
    definition: (world, log) =>
      begin(log)
        .pivot('pivot', slow(log, world, 'pivot', 90_000))
        .step('last', { execute: () => void log.push('last') })
        .build(),
    status: 'completed',
    log: ['first', 'pivot', 'last'],
  },
  {
    doing: 'a step after its pivot, and goes forward',
    definition: (world, log) =>
      begin(log)
        .pivot('pivot', { execute: () => void log.push('pivot') })
        .step('slow', slow(log, world, 'slow', 90_000))
        .step('last', { execute: () => void log.push('last') })
        .build(),
    status: 'completed',
    log: ['first', 'pivot', 'slow', 'last'],
  },
  {
    doing: 'a wait after its pivot, and goes forward',
    definition: (_world, log) =>
      begin(log)
        .pivot('pivot', { execute: () => void log.push('pivot') })
        .sleep('long', '1h')
        .build(),
    status: 'completed',
    log: ['first', 'pivot'],
  },
];

describe('a saga whose time is over', () => {
  test.each(MOMENTS)('while it does $doing: $status', async ({ definition, status, log }) => {
    const world = await openWorld();
    const seen: string[] = [];
    const made = definition(world, seen);
    const engine = await world.engine([made]);
    const view = await world.settle(engine, made, null);
    expect([view.status, seen]).toEqual([status, log]);
    expect(view.error?.code).toBe(status === 'compensated' ? 'SAGA_TIMED_OUT' : undefined);
  });
});
