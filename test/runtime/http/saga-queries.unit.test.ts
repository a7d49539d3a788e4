import { PotterError } from 'potter-runtime/errors';
import {
  createHttpService,
  type HttpService,
  InMemoryIdempotencyStore,
  projectionRoutes,
  sagaQueryRoutes,
} from 'potter-runtime/http';
import {
  createProjectionRunner,
  InMemoryProjectionStore,
  project,
  type ProjectionRunner,
} from 'potter-runtime/projections';
import type {
  SagaListItem,
  SagaListQuery,
  SagaMetricsQuery,
  SagaQueryHandler,
} from 'potter-runtime/sagas';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { counting, TestFeed } from '../projections/counting.ts';

let service: HttpService;
let runner: ProjectionRunner;
let feed: TestFeed;
let url: string;
let asked: (SagaListQuery | SagaMetricsQuery)[];

const at = new Date('2026-02-03T04:05:06.789Z');

/** Says what it was asked. */
const queries: Pick<SagaQueryHandler, 'list' | 'metrics'> = {
  list: async (query = {}) => {
    asked.push(query);
    if (query.cursor === 'bad') {
      throw new PotterError('INVALID_ARGUMENT', { message: 'The cursor is not of such a list.' });
    }
    const saga: SagaListItem = {
      sagaId: 's-1',
      definition: 'order-saga',
      definitionVersion: 1,
      status: 'failed',
      paused: false,
      currentStep: 'pay',
      correlationId: 'c-1',
      lock: null,
      startedAt: at,
      updatedAt: at,
      finishedAt: null,
      durationMs: null,
      error: { code: 'REFUSED', message: 'No.', step: 'pay' },
    };
    return { sagas: [saga], total: 7, limit: 1, offset: 0, nextCursor: 'next' };
  },
  metrics: async (query = {}) => {
    asked.push(query);
    return {
      total: 1,
      byStatus: {
        pending: 0,
        running: 0,
        compensating: 0,
        completed: 1,
        compensated: 0,
        failed: 0,
        abandoned: 0,
      },
      successRate: 1,
      durationMs: { average: 1.5, p50: 1, p95: 2, p99: 2 },
      throughputPerMinute: 1,
      steps: [{ step: 'pay', count: 1, attempts: 2, failures: 1, meanMs: null }],
    };
  },
};

beforeEach(async () => {
  asked = [];
  feed = new TestFeed();
  service = await createHttpService({
    name: 'sagas',
    version: '1.0.0',
    idempotency: new InMemoryIdempotencyStore(),
  });
  runner = createProjectionRunner({
    store: new InMemoryProjectionStore(),
    projections: [project(feed, counting())],
  });
  await runner.run();
  sagaQueryRoutes(service, queries);
  projectionRoutes(service, runner);
  url = await service.listen({ port: 0 });
});

afterEach(async () => {
  await service.close();
  await runner.stop();
});

async function call(
  path: string,
  init: RequestInit = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`${url}${path}`, init);
  return { status: response.status, body: await response.json() };
}

describe('a list of sagas over HTTP', () => {
  test('asks for what the query says and shows times in ISO 8601', async () => {
    const query = new URLSearchParams([
      ['status', 'failed'],
      ['status', 'running'],
      ['definition', 'order-saga'],
      ['version', '2'],
      ['step', 'pay'],
      ['correlationId', 'c-1'],
      ['startedAfter', '2026-01-01T00:00:00Z'],
      ['startedBefore', '2026-02-01T00:00:00+02:00'],
      ['attributes', '{"customer":{"id":"c-1"}}'],
      ['sort', 'updatedAt'],
      ['limit', '1'],
      ['offset', '5'],
    ]);
    expect(await call(`/api/v1/sagas?${query.toString()}`)).toEqual({
      status: 200,
      body: {
        sagas: [expect.objectContaining({ sagaId: 's-1', startedAt: at.toISOString() })],
        total: 7,
        limit: 1,
        offset: 0,
        nextCursor: 'next',
      },
    });
    expect(asked).toEqual([
      {
        status: ['failed', 'running'],
        definition: 'order-saga',
        definitionVersion: 2,
        step: 'pay',
        correlationId: 'c-1',
        startedAfter: new Date('2026-01-01T00:00:00Z'),
        startedBefore: new Date('2026-01-31T22:00:00Z'),
        attributes: { customer: { id: 'c-1' } },
        sort: 'updatedAt',
        limit: 1,
        offset: 5,
      },
    ]);
  });

  test('without a query has the newest first, fifty at once', async () => {
    await call('/api/v1/sagas');
    expect(asked).toMatchObject([{ sort: '-startedAt', limit: 50 }]);
  });

  test.each([
    ['status=done', '/status/0'],
    ['sort=name', '/sort'],
    ['limit=0', '/limit'],
    ['limit=many', '/limit'],
    ['offset=-1', '/offset'],
    ['offset=1&cursor=x', '/offset'],
    ['startedAfter=yesterday', '/startedAfter'],
    ['startedBefore=2026-02-30T00:00:00Z', '/startedBefore'],
    ['attributes=nothing', '/attributes'],
    ['attributes=[1]', '/attributes'],
    ['attributes={"a":"%5Cu0000"}', '/attributes/a'],
    ['version=1.5', '/version'],
  ])('refuses %s', async (query, path) => {
    expect(await call(`/api/v1/sagas?${query}`)).toMatchObject({
      status: 422,
      body: { code: 'VALIDATION_FAILED', errors: [expect.objectContaining({ in: 'query', path })] },
    });
    expect(asked).toEqual([]);
  });

  test('refuses a cursor of another list', async () => {
    expect(await call('/api/v1/sagas?cursor=bad')).toMatchObject({
      status: 422,
      body: { code: 'INVALID_ARGUMENT' },
    });
  });
});

test('metrics of sagas are given for a definition and a time', async () => {
  const answer = await call('/api/v1/sagas/metrics?definition=a&from=2026-01-01T00:00:00Z');
  expect(answer).toMatchObject({
    status: 200,
    body: { successRate: 1, durationMs: { average: 1.5 }, steps: [{ step: 'pay', meanMs: null }] },
  });
  expect(asked).toEqual([{ definition: 'a', from: new Date('2026-01-01T00:00:00Z') }]);
  expect(await call('/api/v1/sagas/metrics?to=never')).toMatchObject({ status: 422 });
});

describe('projections over HTTP', () => {
  test('tell how far they are, and are rebuilt, paused and resumed', async () => {
    feed.add('a', 'b');
    await runner.waitFor('counts', 'caughtUp');
    expect(await call('/api/v1/projections')).toMatchObject({
      status: 200,
      body: {
        projections: [
          {
            name: 'counts',
            version: 1,
            position: 2,
            head: 2,
            lag: 0,
            state: 'running',
            rebuild: null,
          },
        ],
      },
    });
    const post = { method: 'POST' };
    expect(await call('/api/v1/projections/counts/rebuild', post)).toEqual({
      status: 202,
      body: { name: 'counts', generation: 2 },
    });
    await expect.poll(async () => (await runner.progress())[0]?.live?.generation).toBe(2);
    expect(await call('/api/v1/projections/counts/pause', post)).toMatchObject({ status: 202 });
    feed.add('c');
    expect(await call('/api/v1/projections')).toMatchObject({
      body: {
        projections: [{ state: 'paused', lag: 1, pausedAt: expect.any(String), failure: null }],
      },
    });
    expect(await call('/api/v1/projections/counts/resume', post)).toMatchObject({ status: 202 });
    await runner.waitFor('counts', 'caughtUp');
    expect((await runner.progress())[0]?.live?.position).toBe(3n);
  });

  test('of an unknown name are not found', async () => {
    for (const action of ['rebuild', 'pause', 'resume']) {
      expect(await call(`/api/v1/projections/nothing/${action}`, { method: 'POST' })).toMatchObject(
        {
          status: 404,
          body: { code: 'PROJECTION_NOT_FOUND' },
        },
      );
    }
  });
});
