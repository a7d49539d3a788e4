import { type InMemoryTransaction, saga, type SagaLimits } from 'potter-runtime/sagas';
import { describe, expect, test } from 'vitest';
import { openWorld, type SagaWorld } from '../saga-world.ts';

interface Job {
  readonly tenant: string;
  readonly name: string;
}

const perTenant = { key: ({ input }: { readonly input: Job }): string => input.tenant };

/** Sagas that take a second, and what was seen of them. */
function jobs(world: SagaWorld, limits: SagaLimits<Job>) {
  const seen = {
    order: [] as string[],
    at: [] as number[],
    running: new Map<string, number>(),
    most: 0,
  };
  const from = world.clock.now().getTime();
  const mostOf = (): number => [...seen.running.values()].reduce((sum, n) => sum + n, 0);
  const definition = saga<Job, InMemoryTransaction>('job', { limits })
    .step('work', {
      execute: async ({ input: { tenant, name } }) => {
        seen.order.push(name);
        seen.at.push(world.clock.now().getTime() - from);
        seen.running.set(tenant, (seen.running.get(tenant) ?? 0) + 1);
        seen.most = Math.max(seen.most, mostOf());
        await new Promise<void>((resolve) => void world.clock.schedule(1_000, resolve));
        seen.running.set(tenant, (seen.running.get(tenant) ?? 0) - 1);
      },
    })
    .build();
  return { definition, seen };
}

describe('limits', () => {
  test('no more sagas of a definition run at once than it allows, in all processes together, and none waits for a poll', async () => {
    const world = await openWorld();
    const { definition, seen } = jobs(world, { concurrency: 3 });
    const options = { lease: '1h', poll: '10m' } as const;
    const engines = [
      await world.engine([definition], options),
      await world.engine([definition], options),
    ];
    for (let n = 0; n < 10; n += 1) {
      await engines[n % 2]?.start(definition, { tenant: 'a', name: String(n) });
      await world.clock.advance(1);
    }
    await world.clock.advance(4_500);
    expect([seen.most, seen.order.length]).toEqual([3, 10]);
    expect(seen.order).toEqual(Array.from({ length: 10 }, (_, n) => String(n)));
  });

  test('a flood of one tenant does not starve another', async () => {
    const world = await openWorld();
    const { definition, seen } = jobs(world, { concurrency: 2, perKey: perTenant });
    const engine = await world.engine([definition]);
    for (let n = 0; n < 50; n += 1)
      await engine.start(definition, { tenant: 'flood', name: 'flood' });
    await world.clock.advance(100);
    await engine.start(definition, { tenant: 'small', name: 'small' });
    await world.clock.advance(1_000);
    expect(seen.order).toEqual(['flood', 'flood', 'small', 'flood']);
  });

  test('no more sagas of one tenant run at once than allowed, whatever room there is', async () => {
    const world = await openWorld();
    const { definition, seen } = jobs(world, { perKey: { ...perTenant, concurrency: 1 } });
    const engine = await world.engine([definition]);
    for (const tenant of ['a', 'a', 'b', 'b', 'c']) {
      await engine.start(definition, { tenant, name: tenant });
    }
    await world.clock.advance(100);
    expect(seen.order.toSorted()).toEqual(['a', 'b', 'c']);
    await world.clock.advance(1_000);
    expect(seen.order.slice(3).toSorted()).toEqual(['a', 'b']);
    expect(seen.most).toBe(3);
  });

  test('no more are begun within any time than the rate allows, and the next as soon as it does', async () => {
    const world = await openWorld();
    const { definition, seen } = jobs(world, { rate: { count: 2, per: 300 } });
    const options = { lease: '1h', poll: '10m' } as const;
    const engine = await world.engine([definition], options);
    for (let n = 0; n < 7; n += 1) await engine.start(definition, { tenant: 'a', name: String(n) });
    await world.clock.advance(2_000);
    expect(seen.at).toHaveLength(7);
    for (const [n, at] of seen.at.entries()) {
      const before = seen.at[n - 2];
      if (before === undefined) continue;
      expect(at - before).toBeGreaterThanOrEqual(300);
      expect(at - before).toBeLessThan(330);
    }
  });

  test('of sagas that wait the higher priority goes first, with limits and where the process is full', async () => {
    const world = await openWorld();
    const { definition, seen } = jobs(world, { concurrency: 1 });
    const engine = await world.engine([definition]);
    await engine.start(definition, { tenant: 'a', name: 'first' });
    await world.clock.advance(10);
    for (const priority of [0, 9, 4]) {
      await engine.start(definition, { tenant: 'a', name: `priority ${priority}` }, { priority });
    }
    await world.clock.advance('10s');
    expect(seen.order).toEqual(['first', 'priority 9', 'priority 4', 'priority 0']);
    const plain = jobs(world, {});
    const free = saga<Job, InMemoryTransaction>('free')
      .step('work', { execute: ({ input }) => void plain.seen.order.push(input.name) })
      .build();
    const idle = world.idle([free]);
    for (const priority of [0, 9, 4]) {
      await idle.start(free, { tenant: 'a', name: `priority ${priority}` }, { priority });
    }
    await world.engine([free], { concurrency: 1 });
    await world.clock.advance('10s');
    expect(plain.seen.order).toEqual(['priority 9', 'priority 4', 'priority 0']);
    await expect(
      idle.start(free, { tenant: 'a', name: 'x' }, { priority: 10 }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('a saga that sleeps, or waits for one within it, gives its room to others', async () => {
    const world = await openWorld();
    const order: string[] = [];
    const child = saga<null, InMemoryTransaction>('child', { limits: { concurrency: 1 } })
      .step('work', { execute: () => void order.push('child') })
      .sleep('rest', '1m')
      .build();
    const parent = saga<string, InMemoryTransaction>('parent', { limits: { concurrency: 1 } })
      .step('begin', { execute: ({ input }) => void order.push(`begin ${input}`) })
      .child('child', child, { input: () => null })
      .step('end', { execute: ({ input }) => void order.push(`end ${input}`) })
      .build();
    const engine = await world.engine([parent]);
    const one = await engine.start(parent, 'one');
    const two = await engine.start(parent, 'two');
    expect((await world.settled(engine, one.sagaId)).status).toBe('completed');
    expect((await world.settled(engine, two.sagaId)).status).toBe('completed');
    expect(order.indexOf('begin two')).toBeLessThan(order.indexOf('end one'));
  });

  test('the limits of the newest version hold for all versions', async () => {
    const world = await openWorld();
    const order: string[] = [];
    const version = (number: number, limits?: SagaLimits<null>) =>
      saga<null, InMemoryTransaction>('versioned', { version: number, ...(limits && { limits }) })
        .step('work', {
          execute: async () => {
            order.push(`version ${number}`);
            await new Promise<void>((resolve) => void world.clock.schedule(1_000, resolve));
          },
        })
        .build();
    const [old, current] = [version(1), version(2, { concurrency: 1 })];
    const engine = await world.engine([old, current]);
    await engine.start(old, null);
    await engine.start(current, null);
    await world.clock.advance(500);
    expect(order).toEqual(['version 1']);
    await world.clock.advance(1_000);
    expect(order).toEqual(['version 1', 'version 2']);
  });

  test.each<[string, SagaLimits<null>]>([
    ['no room', { concurrency: 0 }],
    ['half a saga', { perKey: { key: () => 'k', concurrency: 1.5 } }],
    ['a rate of nothing', { rate: { count: 0, per: '1s' } }],
    ['a rate in no time', { rate: { count: 1, per: 0 } }],
  ])('that cannot be kept are refused: %s', (_, limits) => {
    expect(() =>
      saga<null>('refused', { limits })
        .step('work', { execute: () => null })
        .build(),
    ).toThrow(expect.objectContaining({ code: 'SAGA_DEFINITION_INVALID' }));
  });
});
