import {
  inTransaction,
  PostgresProjectionStore,
  PostgresSagaFeed,
  PostgresSagaQueries,
  PostgresSagaStore,
  SAGA_READ_MODEL,
  sagaReadModel,
} from 'potter-runtime/postgres';
import { createProjectionRunner, project, type ProjectionRunner } from 'potter-runtime/projections';
import {
  createSagaEngine,
  saga,
  type SagaEngine,
  type SagaEvent,
  type SagaFeedItem,
} from 'potter-runtime/sagas';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { randomOf } from '../../sagas/seeded-random.ts';
import { newSaga } from './saga-fixtures.ts';
import { dumpViews, makeSaga, motley, motleySaga } from './saga-view-fixtures.ts';

let database: TestDatabase;
let store: PostgresSagaStore;
let queries: PostgresSagaQueries;
let opened: AsyncDisposable[];

beforeEach(async () => {
  database = await createTestDatabase({ components: ['sagas', 'projections', 'saga-read-models'] });
  store = new PostgresSagaStore({ pool: database.pool });
  queries = new PostgresSagaQueries({ pool: database.pool, store });
  opened = [];
});

afterEach(async () => {
  for (const one of opened.toReversed()) await one[Symbol.asyncDispose]();
  await store.close();
  await database.close();
});

async function runReadModel(
  options: { readonly batchSize?: number; readonly keep?: number } = {},
): Promise<ProjectionRunner> {
  const runner = createProjectionRunner({
    store: new PostgresProjectionStore({ pool: database.pool }),
    projections: [
      project(
        new PostgresSagaFeed({ pool: database.pool }),
        sagaReadModel({ journals: store, ...options }),
      ),
    ],
  });
  opened.push(runner);
  await runner.run();
  return runner;
}

const caughtUp = (runner: ProjectionRunner): Promise<bigint> =>
  runner.waitFor(SAGA_READ_MODEL, 'caughtUp', { timeout: 60_000 });

interface MotleyRun {
  readonly ids: readonly string[];
  readonly engine: SagaEngine;
}

async function runMotley(count: number): Promise<MotleyRun> {
  const definition = motleySaga();
  const engine = createSagaEngine({ store, definitions: [definition] });
  opened.push(engine);
  await engine.run();
  const ids = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const { sagaId } = await engine.start(definition, motley(n));
      await engine.settled(sagaId);
      return sagaId;
    }),
  );
  return { ids, engine };
}

/** Everything the feed has. */
async function allItems(): Promise<readonly SagaFeedItem[]> {
  const items: SagaFeedItem[] = [];
  for await (const batch of new PostgresSagaFeed({ pool: database.pool }).subscribe()) {
    items.push(...batch.items);
    if (batch.caughtUp) return items;
  }
  return items;
}

async function clearViews(): Promise<void> {
  await database.pool.query(
    'TRUNCATE potter.saga_views, potter.saga_step_views, potter.saga_attempt_views',
  );
}

/** Hands items to a projection as a runner would. */
async function handle(
  projection: ReturnType<typeof sagaReadModel>,
  items: readonly SagaFeedItem[],
): Promise<void> {
  await inTransaction(database.pool, (transaction) =>
    projection.handle(items, { transaction, table: (name) => name, building: false }),
  );
}

describe('the read model of sagas', () => {
  test('shows each saga and its history exactly as the engine does, from rows', async () => {
    const runner = await runReadModel();
    const { ids, engine } = await runMotley(40);
    await caughtUp(runner);
    const rowsOnly = new PostgresSagaQueries({
      pool: database.pool,
      store: {
        journal: () => Promise.reject(new Error('asked the store')),
        lockPlaces: () => Promise.reject(new Error('asked the store')),
      },
    });
    for (const sagaId of ids) {
      expect(await rowsOnly.get(sagaId)).toEqual(await engine.get(sagaId));
      expect(await rowsOnly.history(sagaId)).toEqual(await engine.history(sagaId));
    }
    const { rows } = await database.pool.query(
      `SELECT step, sum(attempts)::int AS attempts, sum(failures)::int AS failures, count(duration_ms)::int AS done
       FROM potter.saga_step_views GROUP BY step ORDER BY step COLLATE "C"`,
    );
    // Of 40 sagas 8 are refused at charge and 8 at b; 10 try charge three times, of which 2 are refused then.
    expect(rows).toEqual([
      { step: 'a', attempts: 32, failures: 0, done: 32 },
      { step: 'b', attempts: 32, failures: 8, done: 24 },
      { step: 'charge', attempts: 60, failures: 28, done: 32 },
      { step: 'end', attempts: 24, failures: 8, done: 16 },
      { step: 'reserve', attempts: 40, failures: 0, done: 40 },
      { step: 'verify', attempts: 16, failures: 0, done: 16 },
    ]);
    // As many sagas as took the step: those that passed it over have a row, and do not count.
    const { steps } = await queries.metrics();
    expect(steps.map(({ step, count }) => [step, count])).toEqual([
      ['a', 32],
      ['b', 32],
      ['charge', 40],
      ['end', 24],
      ['reserve', 40],
      ['verify', 16],
    ]);
  });

  test('falls back on the store for a saga that it has not reached, and knows what there is not', async () => {
    const { ids, engine } = await runMotley(5);
    for (const sagaId of ids) {
      expect(await queries.get(sagaId)).toEqual(await engine.get(sagaId));
      expect(await queries.history(sagaId)).toEqual(await engine.history(sagaId));
    }
    const saga = newSaga();
    await store.create(saga);
    expect(await queries.get(saga.sagaId)).toMatchObject({
      sagaId: saga.sagaId,
      status: 'running',
      currentStep: 'reserve',
      input: { orderId: 'order-1' },
    });
    expect((await queries.history(saga.sagaId)).history).toMatchObject([
      { step: 'reserve', status: 'running', attempt: 1 },
    ]);
    expect(await queries.list()).toMatchObject({ sagas: [], total: 0, nextCursor: null });
    await expect(queries.get('nothing')).rejects.toMatchObject({ code: 'SAGA_NOT_FOUND' });
    await expect(queries.history('nothing')).rejects.toMatchObject({ code: 'SAGA_NOT_FOUND' });
  });

  test('never shows a saga older than it is, however far behind its rows are', async () => {
    const runner = await runReadModel();
    const definition = motleySaga();
    const engine = createSagaEngine({ store, definitions: [definition] });
    opened.push(engine);
    // Not running yet: the saga is left as it was begun.
    const { sagaId } = await engine.start(definition, motley(0));
    await caughtUp(runner);
    await runner.pause(SAGA_READ_MODEL);
    await engine.run();
    await engine.settled(sagaId);
    expect(await queries.get(sagaId)).toEqual(await engine.get(sagaId));
    expect(await queries.history(sagaId)).toEqual(await engine.history(sagaId));
    expect((await queries.list()).sagas).toMatchObject([{ sagaId, status: 'pending' }]);
    await runner.resume(SAGA_READ_MODEL);
    await caughtUp(runner);
    expect((await queries.list()).sagas).toMatchObject([{ sagaId, status: 'completed' }]);
  });

  test('shows a new input of a saga, and that it has not been taken in yet what the saga was told', async () => {
    const runner = await runReadModel();
    const definition = saga<{ readonly customer: string }>('edited')
      .step('a', {
        execute: () => {
          throw new TypeError('a bug');
        },
      })
      .build();
    const engine = createSagaEngine({ store, definitions: [definition] });
    await engine.run();
    const { sagaId } = await engine.start(definition, { customer: 'ann' });
    expect((await engine.settled(sagaId)).status).toBe('failed');
    await caughtUp(runner);
    await engine.stop();
    await engine.edit(sagaId, { customer: 'bob' });
    expect(await queries.get(sagaId)).toMatchObject({ unheard: true, input: { customer: 'ann' } });
    expect(await queries.get(sagaId)).toEqual(await engine.get(sagaId));
    await using next = createSagaEngine({ store, definitions: [definition] });
    await next.run();
    await next.settled(sagaId);
    await caughtUp(runner);
    expect(await queries.get(sagaId)).toEqual(await next.get(sagaId));
    const { rows } = await database.pool.query<{ input: string; attributes: object }>(
      'SELECT input, attributes FROM potter.saga_views WHERE saga_id = $1',
      [sagaId],
    );
    expect(rows).toMatchObject([{ attributes: { customer: 'bob' } }]);
    const found = await queries.list({ attributes: { customer: 'bob' } });
    expect(found.sagas).toMatchObject([{ sagaId }]);
  });

  test('is the same bytes whatever the batches were, and whatever was forgotten between them', async () => {
    await runMotley(15);
    const items = await allItems();
    await handle(sagaReadModel({ journals: store }), items);
    const atOnce = await dumpViews(database.pool);
    expect(atOnce.length).toBeGreaterThan(5_000);
    const random = randomOf(4);
    for (const keep of [0, 3]) {
      await clearViews();
      let projection = sagaReadModel({ journals: store, keep });
      for (let at = 0; at < items.length;) {
        const size = 1 + Math.floor(random() * 12);
        await handle(projection, items.slice(at, at + size));
        at += size;
        // As after a restart of the process.
        if (random() < 0.1) projection = sagaReadModel({ journals: store, keep });
      }
      expect(await dumpViews(database.pool)).toBe(atOnce);
    }
  });

  test('is not changed by what it has seen already, as its rows know by their positions', async () => {
    await runMotley(10);
    const items = await allItems();
    const projection = sagaReadModel({ journals: store });
    await handle(projection, items);
    const before = await dumpViews(database.pool);
    await handle(projection, items);
    await handle(projection, items.slice(0, 20));
    await handle(sagaReadModel({ journals: store }), items.slice(5, 25));
    expect(await dumpViews(database.pool)).toBe(before);
  });

  test('what a failed batch folded is folded anew', async () => {
    await runMotley(10);
    const items = await allItems();
    const projection = sagaReadModel({ journals: store });
    const failing = inTransaction(database.pool, async (transaction) => {
      await projection.handle(items.slice(0, 30), {
        transaction,
        table: (name) => name,
        building: false,
      });
      throw new Error('broken');
    });
    await expect(failing).rejects.toThrow('broken');
    await handle(projection, items.slice(0, 7));
    await handle(projection, items.slice(7));
    const after = await dumpViews(database.pool);
    await clearViews();
    await handle(sagaReadModel({ journals: store }), items);
    expect(await dumpViews(database.pool)).toBe(after);
  });

  test('is rebuilt to the same bytes while queries go on, which never see a part of it', async () => {
    const runner = await runReadModel({ batchSize: 40 });
    const random = randomOf(7);
    for (let n = 0; n < 12; n += 1) {
      await Promise.all(Array.from({ length: 50 }, () => makeSaga(store, random)));
    }
    await caughtUp(runner);
    const before = await dumpViews(database.pool);
    const stop = new AbortController();
    const seen = { totals: new Set<number>(), metrics: new Set<string>(), reads: 0 };
    const reader = (async () => {
      // Even where the rebuilds are over before a busy machine has read so often.
      while (!stop.signal.aborted || seen.reads <= 10) {
        seen.totals.add((await queries.list({ limit: 5 })).total);
        seen.metrics.add(JSON.stringify(await queries.metrics()));
        seen.reads += 1;
      }
    })();
    for (let n = 0; n < 3; n += 1) {
      const { generation } = await runner.rebuild(SAGA_READ_MODEL);
      await expect
        .poll(async () => (await runner.progress())[0]?.live?.generation, { timeout: 60_000 })
        .toBe(generation);
      expect(await dumpViews(database.pool)).toBe(before);
    }
    stop.abort();
    await reader;
    expect(seen.reads).toBeGreaterThan(10);
    expect([...seen.totals]).toEqual([600]);
    expect(seen.metrics.size).toBe(1);
    // What comes after the change of tables goes into the new ones.
    const later = await makeSaga(store, random);
    await caughtUp(runner);
    expect(await queries.list({ definition: later.definition, limit: 1_000 })).toMatchObject({
      sagas: expect.arrayContaining([expect.objectContaining({ sagaId: later.sagaId })]),
    });
  });

  test('passes over events of a type it does not know', async () => {
    const unknown = { type: 'SomethingNewer', at: new Date() } as unknown as SagaEvent;
    const saga = newSaga();
    await store.create({ ...saga, events: [...saga.events, unknown] });
    const runner = await runReadModel();
    await caughtUp(runner);
    expect(await queries.get(saga.sagaId)).toMatchObject({
      status: 'running',
      updatedAt: unknown.at,
    });
    expect((await queries.history(saga.sagaId)).history).toHaveLength(1);
  });

  test('bears every input that a journal bears', async () => {
    const deep = Array.from({ length: 500 }).reduce<unknown>((inner) => [inner], 'bottom');
    const inputs: readonly unknown[] = [
      { zero: 'a\u0000b', half: '\uD800', 'na\u0000me': 1, whole: '😀' },
      { deep },
      { big: 2n ** 80n, at: new Date(0), infinite: 1e308 },
      'text',
      null,
      undefined,
      [1, [2]],
      { $bigint: 'mine' },
    ];
    const runner = await runReadModel();
    const expected: [string, unknown][] = [];
    for (const input of inputs) {
      const saga = newSaga();
      const [started, ...rest] = saga.events;
      if (started?.type !== 'SagaStarted') throw new Error('no start');
      await store.create({ ...saga, events: [{ ...started, input }, ...rest] });
      expected.push([saga.sagaId, input]);
    }
    await caughtUp(runner);
    for (const [sagaId, input] of expected) {
      expect((await queries.get(sagaId)).input).toEqual(input);
    }
    expect((await queries.list()).total).toBe(inputs.length);
    const found = await queries.list({ attributes: { big: (2n ** 80n).toString() } });
    expect(found.total).toBe(1);
    expect((await queries.list({ attributes: { at: '1970-01-01T00:00:00.000Z' } })).total).toBe(1);
    expect((await queries.list({ attributes: { zero: 'a\uFFFDb' } })).total).toBe(1);
  });
});
