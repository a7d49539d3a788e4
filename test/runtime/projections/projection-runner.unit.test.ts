import { simpleRetry } from 'potter-runtime/foundation';
import {
  createProjectionRunner,
  type InMemoryReadModel,
  InMemoryProjectionStore,
  type Projection,
  project,
  type ProjectionRunner,
} from 'potter-runtime/projections';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deferred } from '../../support/deferred.ts';
import { RecordingMeter } from '../../support/recording-meter.ts';
import { type Counted, counting, TestFeed } from './counting.ts';

const ITEMS = 'potter_projection_items_total';

let feed: TestFeed;
let store: InMemoryProjectionStore;
let runners: ProjectionRunner[];

beforeEach(() => {
  feed = new TestFeed();
  store = new InMemoryProjectionStore();
  runners = [];
});

afterEach(async () => {
  await Promise.all(runners.map((runner) => runner.stop()));
});

async function run(
  ...projections: readonly Projection<Counted, InMemoryReadModel>[]
): Promise<ProjectionRunner> {
  const runner = createProjectionRunner({
    store,
    projections: projections.map((projection) => project(feed, projection)),
    // Nothing here waits for the end of one, and no busy machine loses it.
    lease: '1h',
  });
  runners.push(runner);
  await runner.run();
  return runner;
}

const counts = (): Record<string, unknown> => Object.fromEntries(store.rows('counts'));

/** Refuses one key as long as it is told to. */
function refusing(
  key: string,
  overrides: Partial<Projection<Counted, InMemoryReadModel>> = {},
): {
  projection: Projection<Counted, InMemoryReadModel>;
  heal: () => void;
  attempts: () => number;
} {
  const { handle } = counting();
  let isIll = true;
  let attempts = 0;
  const projection = counting({
    batchSize: 10,
    onError: { retry: simpleRetry({ maxAttempts: 3, delay: 1 }) },
    handle: async (items, context) => {
      await handle(items, context);
      if (!isIll || !items.some((item) => item.key === key)) return;
      if (items.length === 1) attempts += 1;
      throw Object.assign(new Error(`no ${key}`), { code: 'REFUSED' });
    },
    ...overrides,
  });
  return { projection, heal: () => void (isIll = false), attempts: () => attempts };
}

describe('a projection', () => {
  test('has handled everything once when it has caught up, and goes on by itself', async () => {
    feed.add('a', 'b', 'a');
    const runner = await run(counting({ batchSize: 2 }));
    expect(await runner.waitFor('counts', 'caughtUp')).toBe(3n);
    expect(counts()).toEqual({ a: 2, b: 1 });
    feed.add('b');
    expect(await runner.waitFor('counts', 4n)).toBe(4n);
    expect(counts()).toEqual({ a: 2, b: 2 });
  });

  test('goes on from its checkpoint in the next runner', async () => {
    feed.add('a', 'b');
    const first = await run(counting());
    await first.waitFor('counts', 'caughtUp');
    await first.stop();
    feed.add('a');
    const second = await run(counting());
    await second.waitFor('counts', 'caughtUp');
    expect(feed.begun).toEqual([0n, 2n]);
    expect(counts()).toEqual({ a: 2, b: 1 });
  });

  test('tells how far it is, how fast, and that nobody runs it any more', async () => {
    feed.add('a', 'b', 'c');
    const runner = await run(counting());
    await runner.waitFor('counts', 'caughtUp');
    const [progress] = await runner.progress();
    expect(progress).toMatchObject({
      name: 'counts',
      live: { state: 'running', position: 3n, head: 3n, lag: 0n, done: 1, handled: 3n, version: 1 },
      rebuild: null,
    });
    expect(progress?.live?.rate).toBeGreaterThan(0);
    await runner.stop();
    feed.add('d');
    expect(await runner.progress()).toMatchObject([
      { live: { state: 'stopped', position: 3n, head: 4n, lag: 1n, done: 0.75 } },
    ]);
  });

  test('reports its lag and its failures as metrics', async () => {
    const meter = new RecordingMeter();
    const { projection } = refusing('bad');
    feed.add('bad');
    const runner = createProjectionRunner({
      store,
      projections: [project(feed, projection)],
      meter,
    });
    runners.push(runner);
    await runner.run();
    await expect.poll(async () => (await runner.progress())[0]?.live?.state).toBe('paused');
    expect(meter.of('potter_projection_failures_total')).toHaveLength(4);
    expect(await meter.read('potter_projection_lag_positions')).toBe(1);
  });

  test('counts what it handled, of the live rows and of those that are built', async () => {
    const meter = new RecordingMeter();
    feed.add('a', 'b', 'c');
    const runner = createProjectionRunner({
      store,
      projections: [project(feed, counting())],
      meter,
    });
    runners.push(runner);
    await runner.run();
    await runner.waitFor('counts', 'caughtUp');
    const { generation } = await runner.rebuild('counts');
    await expect
      .poll(async () => (await runner.progress())[0])
      .toMatchObject({ live: { generation }, rebuild: null });
    const handled = (role: string): number =>
      meter.recorded
        .filter(({ name, attributes }) => name === ITEMS && attributes?.['role'] === role)
        .reduce((sum, { value }) => sum + value, 0);
    expect([handled('live'), handled('building')]).toEqual([3, 3]);
  });

  test('has one runner at a time; when that one stops the next goes on at once', async () => {
    const [first, second] = [await run(counting()), await run(counting())];
    feed.add('a');
    await second.waitFor('counts', 1n);
    await first.stop();
    feed.add('b');
    // Long before the lease would have been over.
    await second.waitFor('counts', 2n, { timeout: '8s' });
    expect(counts()).toEqual({ a: 1, b: 1 });
  });

  test('begins as soon as its store answers, and is stopped before that too', async () => {
    let isAway = true;
    const register = store.register.bind(store);
    store.register = (projection) =>
      isAway ? Promise.reject(new Error('away')) : register(projection);
    feed.add('a');
    const options = { store, projections: [project(feed, counting())] };
    const stopped = createProjectionRunner(options);
    const begun = stopped.run();
    await stopped.stop();
    await begun;
    const runner = createProjectionRunner(options);
    runners.push(runner);
    const running = runner.run();
    isAway = false;
    await running;
    await runner.waitFor('counts', 'caughtUp');
    expect(counts()).toEqual({ a: 1 });
  });

  test('that is paused before any runner has begun with it stands still until it is resumed', async () => {
    feed.add('a');
    const runner = createProjectionRunner({ store, projections: [project(feed, counting())] });
    runners.push(runner);
    await runner.pause('counts');
    await runner.run();
    expect(await runner.progress()).toMatchObject([
      { live: { state: 'paused', position: 0n, paused: { failure: null } } },
    ]);
    await runner.resume('counts');
    await runner.waitFor('counts', 'caughtUp');
    expect(counts()).toEqual({ a: 1 });
  });

  test('is waited for as long as one wants and no longer', async () => {
    const runner = await run(counting());
    await expect(runner.waitFor('counts', 9n, { timeout: 20 })).rejects.toMatchObject({
      code: 'TIMEOUT',
      details: { position: 0n, upTo: 9n },
    });
    const stop = new AbortController();
    const waiting = runner.waitFor('counts', 9n, { signal: stop.signal });
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('with an unknown name, a bad name, version or table is refused', async () => {
    const runner = await run(counting());
    await expect(runner.waitFor('count', 1n)).rejects.toMatchObject({
      code: 'PROJECTION_NOT_FOUND',
    });
    await expect(runner.rebuild('count')).rejects.toMatchObject({ code: 'PROJECTION_NOT_FOUND' });
    for (const wrong of [
      { name: '' },
      { version: 0 },
      { tables: [{ name: 'a"; drop table b' }] },
      { tables: [{ name: 'x'.repeat(51) }] },
    ]) {
      expect(() =>
        createProjectionRunner({ store, projections: [project(feed, counting(wrong))] }),
      ).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
  });
});

describe('what cannot be handled', () => {
  test('is tried again, then the projection stands still before it, says why, and goes on when it is resumed', async () => {
    const { projection, heal, attempts } = refusing('bad');
    feed.add('a', 'b', 'bad', 'c');
    const runner = await run(projection);
    await expect.poll(async () => (await runner.progress())[0]?.live?.state).toBe('paused');
    expect(attempts()).toBe(3);
    expect(counts()).toEqual({ a: 1, b: 1 });
    expect(await runner.progress()).toMatchObject([
      {
        live: {
          position: 2n,
          lag: 2n,
          paused: {
            failure: { position: 3n, attempts: 3, error: { code: 'REFUSED', message: 'no bad' } },
          },
        },
      },
    ]);
    await runner.resume('counts');
    await expect.poll(attempts).toBe(6);
    await expect.poll(async () => (await runner.progress())[0]?.live?.state).toBe('paused');
    heal();
    await runner.resume('counts');
    await runner.waitFor('counts', 'caughtUp');
    expect(counts()).toEqual({ a: 1, b: 1, bad: 1, c: 1 });
  });

  test('can be put aside with its error, tried again and discarded; the rest goes on', async () => {
    const { projection, heal } = refusing('bad', {
      onError: { retry: simpleRetry({ maxAttempts: 2, delay: 1 }), giveUp: 'dead-letter' },
    });
    feed.add('a', 'bad', 'b', 'bad', 'c');
    const runner = await run(projection);
    await runner.waitFor('counts', 'caughtUp');
    expect(counts()).toEqual({ a: 1, b: 1, c: 1 });
    expect(await runner.deadLetters('counts')).toMatchObject([
      { position: 2n, attempts: 2, error: { code: 'REFUSED' } },
      { position: 4n, attempts: 2 },
    ]);
    await expect(runner.retryDeadLetter('counts', 2n)).rejects.toThrow('no bad');
    heal();
    expect(await runner.retryDeadLetter('counts', 2n)).toBe(true);
    expect(await runner.retryDeadLetter('counts', 2n)).toBe(false);
    expect(await runner.discardDeadLetter('counts', 4n)).toBe(true);
    expect(await runner.deadLetters('counts')).toEqual([]);
    expect(counts()).toEqual({ a: 1, b: 1, c: 1, bad: 1 });
  });

  test('does not hold up other projections', async () => {
    const { projection } = refusing('bad');
    feed.add('bad', 'a');
    const runner = await run(
      projection,
      counting({
        name: 'others',
        tables: [{ name: 'others' }],
        handle: async (items, { transaction, table }) => {
          transaction.rows(table('others')).set('last', items.at(-1)?.key);
        },
      }),
    );
    await runner.waitFor('others', 'caughtUp');
    expect(store.rows('others').get('last')).toBe('a');
  });
});

describe('a rebuild', () => {
  test('replaces the live rows by those that the handler makes now, and the projection goes on from there', async () => {
    feed.add('a', 'b', 'a');
    const runner = await run(counting());
    await runner.waitFor('counts', 'caughtUp');
    const before = counts();
    const { generation } = await runner.rebuild('counts');
    await expect
      .poll(async () => (await runner.progress())[0])
      .toMatchObject({ live: { generation, position: 3n }, rebuild: null });
    expect(counts()).toEqual(before);
    feed.add('c');
    await runner.waitFor('counts', 'caughtUp');
    expect(counts()).toEqual({ a: 2, b: 1, c: 1 });
  });

  test('is followed by the live rows at once, long before a lease would have been looked at', async () => {
    feed.add('a');
    const runner = await run(counting());
    await runner.waitFor('counts', 'caughtUp');
    for (let n = 0; n < 3; n += 1) {
      const { generation } = await runner.rebuild('counts');
      await expect
        .poll(async () => (await runner.progress())[0], { interval: 5 })
        .toMatchObject({ live: { generation, state: 'running' } });
      feed.add('b');
      await runner.waitFor('counts', 'caughtUp', { timeout: '8s' });
    }
    expect(counts()).toEqual({ a: 1, b: 3 });
  });

  test('to a new version goes on beside the old one, which serves until then', async () => {
    const gate = deferred();
    feed.add('a', 'b');
    const old = counting();
    const doubled = counting({
      version: 2,
      handle: async (items, context) => {
        await gate.promise;
        expect(context.building).toBe(items.some(({ key }) => key !== 'late'));
        const rows = context.transaction.rows(context.table('counts'));
        for (const { key } of items) rows.set(key, Number(rows.get(key) ?? 0) + 2);
      },
    });
    const runner = await run(old, doubled);
    await runner.waitFor('counts', 'caughtUp');
    expect(counts()).toEqual({ a: 1, b: 1 });
    feed.add('c');
    await runner.waitFor('counts', 'caughtUp');
    expect(counts()).toEqual({ a: 1, b: 1, c: 1 });
    expect(await runner.progress()).toMatchObject([
      { live: { version: 1 }, rebuild: { version: 2, position: 0n, done: 0 } },
    ]);
    gate.resolve();
    await expect
      .poll(async () => (await runner.progress())[0])
      .toMatchObject({ live: { version: 2 }, rebuild: null });
    feed.add('late');
    await runner.waitFor('counts', 'caughtUp');
    expect(counts()).toEqual({ a: 2, b: 2, c: 2, late: 2 });
  });

  test('of an empty feed is over at once', async () => {
    const runner = await run(counting());
    const { generation } = await runner.rebuild('counts');
    await expect.poll(async () => (await runner.progress())[0]?.live?.generation).toBe(generation);
  });

  test('can be cancelled while it goes on, and leaves the live rows alone', async () => {
    const { handle } = counting();
    const gate = deferred();
    feed.add('a', 'b');
    const runner = await run(
      counting({
        handle: async (items, context) => {
          if (context.building) await gate.promise;
          await handle(items, context);
        },
      }),
    );
    await runner.waitFor('counts', 'caughtUp');
    await runner.rebuild('counts');
    const cancelled = runner.cancelRebuild('counts');
    gate.resolve();
    expect(await cancelled).toBe(true);
    expect(await runner.cancelRebuild('counts')).toBe(false);
    expect(await runner.progress()).toMatchObject([{ live: { generation: 1 }, rebuild: null }]);
    expect(counts()).toEqual({ a: 1, b: 1 });
  });

  test('of a projection that names no tables is refused', async () => {
    const runner = await run(counting({ tables: [] }));
    await expect(runner.rebuild('counts')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
