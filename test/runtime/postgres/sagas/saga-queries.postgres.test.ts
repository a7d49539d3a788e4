import {
  PostgresProjectionStore,
  PostgresSagaFeed,
  PostgresSagaQueries,
  PostgresSagaStore,
  SAGA_READ_MODEL,
  sagaReadModel,
} from 'potter-runtime/postgres';
import { createProjectionRunner, project, type ProjectionRunner } from 'potter-runtime/projections';
import type { SagaListQuery, SagaSort } from 'potter-runtime/sagas';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { randomOf } from '../../sagas/seeded-random.ts';
import { type MadeSaga, makeSaga } from './saga-view-fixtures.ts';

let database: TestDatabase;
let store: PostgresSagaStore;
let queries: PostgresSagaQueries;
let runner: ProjectionRunner;
const made: MadeSaga[] = [];
const random = randomOf(11);

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas', 'projections', 'saga-read-models'] });
  store = new PostgresSagaStore({ pool: database.pool });
  queries = new PostgresSagaQueries({ pool: database.pool, store });
  runner = createProjectionRunner({
    store: new PostgresProjectionStore({ pool: database.pool }),
    projections: [
      project(new PostgresSagaFeed({ pool: database.pool }), sagaReadModel({ journals: store })),
    ],
  });
  await runner.run();
  made.push(...(await Promise.all(Array.from({ length: 500 }, () => makeSaga(store, random)))));
  await caughtUp();
});

afterAll(async () => {
  await runner.stop();
  await store.close();
  await database.close();
});

const caughtUp = (): Promise<bigint> =>
  runner.waitFor(SAGA_READ_MODEL, 'caughtUp', { timeout: 60_000 });

/** Every page, one after the other. */
async function pages(
  query: SagaListQuery,
  between: () => Promise<void> = async () => {},
): Promise<{ readonly ids: readonly string[]; readonly totals: readonly number[] }> {
  const ids: string[] = [];
  const totals: number[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await queries.list({ ...query, cursor });
    ids.push(...page.sagas.map(({ sagaId }) => sagaId));
    totals.push(page.total);
    if (page.nextCursor === null) return { ids, totals };
    cursor = page.nextCursor;
    await between();
  }
}

const byId = (a: MadeSaga, b: MadeSaga): number => (a.sagaId < b.sagaId ? -1 : 1);

describe('a list of sagas', () => {
  test.each<[string, SagaListQuery, (saga: MadeSaga) => boolean]>([
    ['everything', {}, () => true],
    ['a status', { status: ['completed'] }, ({ status }) => status === 'completed'],
    [
      'statuses',
      { status: ['failed', 'pending'] },
      ({ status }) => status === 'failed' || status === 'pending',
    ],
    ['a definition', { definition: 'made-1' }, ({ definition }) => definition === 'made-1'],
    ['a version', { definitionVersion: 2 }, () => false],
    [
      'the step they are at',
      { step: 'work' },
      ({ status }) => status === 'running' || status === 'failed',
    ],
    [
      'a correlation id',
      { correlationId: 'correlation-3' },
      ({ correlationId }) => correlationId === 'correlation-3',
    ],
    [
      'a time',
      {
        startedAfter: new Date(1_770_000_000_000 + 10 * 60_000),
        startedBefore: new Date(1_770_000_000_000 + 20 * 60_000),
      },
      ({ startedAt }) => {
        const minute = (startedAt.getTime() - 1_770_000_000_000) / 60_000;
        return minute >= 10 && minute < 20;
      },
    ],
    [
      'a part of the input',
      { attributes: { customer: { id: 4 } } },
      ({ customer }) => customer === 4,
    ],
    [
      'all of it together',
      { status: ['completed'], definition: 'made-0', attributes: { customer: { id: 2 } } },
      (saga) => saga.status === 'completed' && saga.definition === 'made-0' && saga.customer === 2,
    ],
  ])('by %s has what a search of all of them finds, and its total', async (_, query, wanted) => {
    const expected = made.filter(wanted).toSorted(byId);
    const page = await queries.list({ ...query, limit: 1_000 });
    expect(page.sagas.map(({ sagaId }) => sagaId).toSorted()).toEqual(
      expected.map(({ sagaId }) => sagaId),
    );
    expect(page).toMatchObject({ total: expected.length, limit: 1_000, offset: 0 });
    const { ids, totals } = await pages({ ...query, limit: 7 });
    expect(ids.toSorted()).toEqual(expected.map(({ sagaId }) => sagaId));
    expect(new Set(totals)).toEqual(new Set([expected.length]));
  });

  test.each<[SagaSort, (saga: MadeSaga) => number]>([
    ['startedAt', ({ startedAt }) => startedAt.getTime()],
    ['durationMs', ({ durationMs }) => durationMs ?? -1],
  ])('in the order of %s, either way, comes page by page in that order', async (sort, value) => {
    const up = made
      .toSorted((a, b) => value(a) - value(b) || byId(a, b))
      .map(({ sagaId }) => sagaId);
    expect((await pages({ sort, limit: 33 })).ids).toEqual(up);
    expect((await pages({ sort: `-${sort}` as SagaSort, limit: 33 })).ids).toEqual(up.toReversed());
    const page = await queries.list({ sort, limit: 20, offset: 490 });
    expect(page.sagas.map(({ sagaId }) => sagaId)).toEqual(up.slice(490));
    expect(page).toMatchObject({ total: 500, offset: 490, nextCursor: null });
    // A page that is full and the last has no next one.
    const last = await queries.list({ sort, limit: 20, offset: 480 });
    expect([last.sagas.length, last.nextCursor]).toEqual([20, null]);
  });

  test('in the order of the last change has the newest first', async () => {
    const { sagas } = await queries.list({ sort: '-updatedAt', limit: 100 });
    const times = sagas.map(({ updatedAt }) => updatedAt.getTime());
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    expect((await pages({ sort: 'updatedAt', limit: 40 })).ids).toHaveLength(500);
  });

  test('gone through by cursor has every saga once while others start and change', async () => {
    const known = new Set(made.map(({ sagaId }) => sagaId));
    const before = made.length;
    const { ids, totals } = await pages({ limit: 25 }, async () => {
      made.push(await makeSaga(store, random), await makeSaga(store, random));
      // Changes behind and before the reader.
      await database.pool.query(
        `UPDATE potter.saga_views SET updated_at = now(), status = 'running' WHERE random() < 0.1 AND status = 'pending'`,
      );
      await caughtUp();
    });
    expect(ids.length).toBe(new Set(ids).size);
    expect(ids.filter((sagaId) => known.has(sagaId)).length).toBe(before);
    // Each total is of its own moment: it grows by the two that were started meanwhile.
    expect(totals).toEqual(totals.map((_, page) => before + page * 2));
  });

  test('refuses what is not a cursor of it, a limit or an offset', async () => {
    const { nextCursor } = await queries.list({ limit: 1, sort: 'startedAt' });
    for (const wrong of [
      { cursor: nextCursor ?? '', sort: 'updatedAt' },
      { cursor: '' },
      { cursor: 'nonsense' },
      { cursor: Buffer.from('["-startedAt",1e300,"a"]').toString('base64url') },
      { cursor: Buffer.from('["-startedAt",1.5,"a"]').toString('base64url') },
      { cursor: Buffer.from('["-startedAt",1,"a\\u0000"]').toString('base64url') },
      { limit: 0 },
      { limit: 1_001 },
      { offset: -1 },
    ] as const) {
      await expect(queries.list(wrong)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
  });
});

/** Interpolated between neighbours, as in a spreadsheet. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] ?? 0, sorted[Math.ceil(at)] ?? 0];
  return low + (high - low) * (at - Math.floor(at));
}
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const closeTo = (value: number): unknown => expect.closeTo(value, 6);

describe('metrics of sagas', () => {
  test.each<[string, { definition?: string; from?: Date; to?: Date }]>([
    ['all of them', {}],
    ['one definition', { definition: 'made-2' }],
    [
      'a time',
      {
        from: new Date(1_770_000_000_000 + 5 * 60_000),
        to: new Date(1_770_000_000_000 + 25 * 60_000),
      },
    ],
  ])('of %s are those that are counted one by one', async (_, query) => {
    const { rows } = await database.pool.query<{ id: string; status: MadeSaga['status'] }>(
      `SELECT saga_id AS id, status FROM potter.saga_views`,
    );
    // Another test changed some.
    const statuses = new Map(rows.map(({ id, status }) => [id, status]));
    const sagas = made.filter(
      ({ definition, startedAt }) =>
        (query.definition === undefined || definition === query.definition) &&
        (query.from === undefined || startedAt >= query.from) &&
        (query.to === undefined || startedAt < query.to),
    );
    const count = (status: string): number =>
      sagas.filter(({ sagaId }) => statuses.get(sagaId) === status).length;
    const ended = sagas.flatMap(({ durationMs }) => (durationMs === null ? [] : [durationMs]));
    const begin = query.from?.getTime() ?? Math.min(...sagas.map((s) => s.startedAt.getTime()));
    const end =
      query.to?.getTime() ??
      Math.max(
        ...sagas.map((s) => (s.durationMs === null ? 0 : s.startedAt.getTime() + s.durationMs)),
      );
    const worked = sagas.filter(({ attempts }) => attempts > 0);
    expect(await queries.metrics(query)).toEqual({
      total: sagas.length,
      byStatus: {
        pending: count('pending'),
        running: count('running'),
        compensating: 0,
        completed: count('completed'),
        compensated: count('compensated'),
        failed: count('failed'),
        abandoned: count('abandoned'),
      },
      successRate: closeTo(
        count('completed') /
          ['completed', 'compensated', 'failed', 'abandoned']
            .map(count)
            .reduce((sum, number) => sum + number),
      ),
      durationMs: {
        average: closeTo(mean(ended)),
        p50: closeTo(percentile(ended, 0.5)),
        p95: closeTo(percentile(ended, 0.95)),
        p99: closeTo(percentile(ended, 0.99)),
      },
      throughputPerMinute: closeTo(ended.length / ((end - begin) / 60_000)),
      steps: [
        {
          step: 'work',
          count: worked.length,
          attempts: worked.reduce((sum, { attempts }) => sum + attempts, 0),
          failures: worked.reduce((sum, { failures }) => sum + failures, 0),
          meanMs: closeTo(mean(worked.flatMap(({ workMs }) => workMs ?? []))),
        },
      ],
    });
  });

  test('of nothing are none', async () => {
    expect(await queries.metrics({ definition: 'nothing' })).toEqual({
      total: 0,
      byStatus: {
        pending: 0,
        running: 0,
        compensating: 0,
        completed: 0,
        compensated: 0,
        failed: 0,
        abandoned: 0,
      },
      successRate: null,
      durationMs: null,
      throughputPerMinute: 0,
      steps: [],
    });
  });
});
