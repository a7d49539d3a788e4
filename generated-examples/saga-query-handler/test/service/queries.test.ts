import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api } from '../../scripts/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { caughtUp, listOf, projectionOf } from '../support/queries.ts';
import { historyOf, settled } from '../support/sagas.ts';
import { SLOW, start } from '../support/scenarios.ts';
import { type RunningService, startService } from '../support/service.ts';

let database: TestDatabase;
let service: RunningService;
let api: Api;

beforeAll(async () => {
  database = await createTestDatabase();
  service = await startService({ DATABASE_URL: database.url, LOG_LEVEL: 'info' });
  ({ api } = service);
});

afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

/** Starts so many sagas of a conversation of their own, and waits until they are over and in the read model. */
async function conversation(count: number, of: object = {}): Promise<string> {
  const correlationId = `conversation-${randomUUID()}`;
  const sagas = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      start(api, { correlationId, context: { customer: { id: `customer-${n % 3}` } }, ...of }),
    ),
  );
  await Promise.all(sagas.map(({ sagaId }) => settled(api, sagaId)));
  await caughtUp(api);
  return correlationId;
}

describe('a saga', () => {
  test('is accepted at once, and shown by id before and after it is in the read model', async () => {
    const answer = await api.post<{ sagaId: string }>('/api/v1/sagas', {
      definition: 'slow-saga',
      context: { stepMs: 50, note: 'hello' },
    });
    const { sagaId } = answer.body;
    expect(answer).toMatchObject({ status: 202, body: { definition: 'slow-saga' } });
    expect(answer.headers.get('location')).toBe(`/api/v1/sagas/${sagaId}`);
    const now = await api.get(`/api/v1/sagas/${sagaId}`);
    expect(now).toMatchObject({ status: 200, body: { sagaId, definition: 'slow-saga' } });
    expect(await settled(api, sagaId)).toMatchObject({
      status: 'completed',
      input: { stepMs: 50, note: 'hello' },
      results: {
        prepare: { taskId: expect.any(String) },
        process: { taskId: expect.any(String) },
        finish: { taskId: expect.any(String) },
      },
    });
  });

  test('that fails at its third step is undone, last step first', async () => {
    const { sagaId } = await start(api, { definition: 'failing-saga' });
    expect(await settled(api, sagaId)).toMatchObject({
      status: 'compensated',
      error: { code: 'TASK_REFUSED', step: 'finish' },
    });
    const history = await historyOf(api, sagaId);
    expect(history.map(({ step, kind, status }) => `${kind} ${step} ${status}`)).toEqual([
      'step prepare completed',
      'step process completed',
      'step finish failed',
      'compensation finish compensated',
      'compensation process compensated',
      'compensation prepare compensated',
    ]);
  });

  test('is started once however often the request is repeated', async () => {
    const correlationId = `once-${randomUUID()}`;
    const key = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 6 }, () =>
        api.post<{ sagaId: string }>(
          '/api/v1/sagas',
          { definition: 'simple-saga', correlationId },
          key,
        ),
      ),
    );
    const ids = new Set(answers.map(({ body }) => body.sagaId));
    expect(ids.size).toBe(1);
    for (const sagaId of ids) await settled(api, sagaId);
    await caughtUp(api);
    expect((await listOf(api, { correlationId })).total).toBe(1);
  });

  test.each([
    ['an unknown definition', { definition: 'other-saga' }],
    ['a step that never ends', { definition: 'slow-saga', context: { stepMs: 60_001 } }],
    ['a context that is no object', { definition: 'simple-saga', context: 'x' }],
    ['an unknown field', { definition: 'simple-saga', contxt: {} }],
  ])('with %s is refused', async (_what, body) => {
    expect(await api.post('/api/v1/sagas', body)).toMatchObject({
      status: 422,
      body: { code: 'VALIDATION_FAILED' },
    });
  });
});

describe('a list', () => {
  test('has what is asked for, with totals, and a cursor for the rest', async () => {
    const correlationId = await conversation(7);
    const first = await listOf(api, { correlationId, limit: '3' });
    expect(first).toMatchObject({ total: 7, limit: 3, offset: 0 });
    const ids = first.sagas.map(({ sagaId }) => sagaId);
    for (let cursor = first.nextCursor; cursor !== null;) {
      const page = await listOf(api, { correlationId, limit: '3', cursor });
      expect(page.total).toBe(7);
      ids.push(...page.sagas.map(({ sagaId }) => sagaId));
      cursor = page.nextCursor;
    }
    expect(new Set(ids).size).toBe(7);
    const rest = await listOf(api, { correlationId, limit: '3', offset: '6' });
    expect(rest.sagas.map(({ sagaId }) => sagaId)).toEqual(ids.slice(6));
    const oldest = await listOf(api, { correlationId, sort: 'startedAt' });
    expect(oldest.sagas.map(({ sagaId }) => sagaId)).toEqual(ids.toReversed());
  });

  test('can be asked by status, definition, time and what the sagas were started with', async () => {
    const correlationId = await conversation(6);
    const undone = await conversation(2, { definition: 'failing-saga' });
    const total = async (query: Record<string, string>) => (await listOf(api, query)).total;
    expect(await total({ correlationId: undone, status: 'compensated' })).toBe(2);
    expect(await total({ correlationId: undone, status: 'completed' })).toBe(0);
    expect(await total({ correlationId, definition: 'simple-saga' })).toBe(6);
    expect(await total({ correlationId, definition: 'slow-saga' })).toBe(0);
    const attributes = JSON.stringify({ customer: { id: 'customer-1' } });
    expect(await total({ correlationId, attributes })).toBe(2);
    const { sagas } = await listOf(api, { correlationId, sort: 'startedAt' });
    const middle = sagas[3]?.startedAt ?? '';
    const [before, after] = [
      await total({ correlationId, startedBefore: middle }),
      await total({ correlationId, startedAfter: middle }),
    ];
    expect(before + after).toBe(6);
    expect(after).toBeGreaterThan(0);
  });

  test.each([
    'status=done',
    'sort=size',
    'limit=0',
    'startedAfter=yesterday',
    'cursor=nonsense',
    'attributes=[1]',
  ])('refuses %s with a problem', async (query) => {
    const answer = await api.get(`/api/v1/sagas?${query}`);
    expect(answer).toMatchObject({
      status: 422,
      body: { code: expect.stringMatching(/^(VALIDATION_FAILED|INVALID_ARGUMENT)$/) },
    });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  });
});

test('metrics count states, times and steps', async () => {
  await conversation(4, { definition: 'slow-saga', context: { stepMs: 20 } });
  interface Metrics {
    readonly total: number;
    readonly byStatus: Readonly<Record<string, number>>;
    readonly successRate: number;
    readonly durationMs: { readonly average: number; readonly p50: number; readonly p99: number };
    readonly throughputPerMinute: number;
    readonly steps: readonly {
      readonly step: string;
      readonly count: number;
      readonly meanMs: number;
    }[];
  }
  const { body } = await api.get<Metrics>('/api/v1/sagas/metrics?definition=slow-saga');
  const { total } = await listOf(api, { definition: 'slow-saga', limit: '1' });
  expect(body).toMatchObject({ total, byStatus: { completed: total, failed: 0 }, successRate: 1 });
  expect(body.durationMs.p50).toBeGreaterThanOrEqual(60);
  expect(body.durationMs.p99).toBeGreaterThanOrEqual(body.durationMs.p50);
  expect(body.throughputPerMinute).toBeGreaterThan(0);
  expect(body.steps.map(({ step, count }) => `${count} × ${step}`)).toEqual([
    `${total} × finish`,
    `${total} × prepare`,
    `${total} × process`,
  ]);
  for (const { meanMs } of body.steps) expect(meanMs).toBeGreaterThanOrEqual(20);
});

describe('the projection', () => {
  test('is rebuilt beside its live rows, while every query sees all of them', async () => {
    const correlationId = await conversation(30);
    const { generation } = await projectionOf(api);
    const accepted = await api.post<{ generation: number }>(
      '/api/v1/projections/saga-read-model/rebuild',
    );
    expect(accepted).toMatchObject({ status: 202, body: { generation: generation + 1 } });
    const totals = new Set<number>();
    do totals.add((await listOf(api, { correlationId, limit: '1' })).total);
    while ((await projectionOf(api)).generation === generation);
    totals.add((await listOf(api, { correlationId, limit: '1' })).total);
    expect([...totals]).toEqual([30]);
    const { sagaId } = await start(api);
    await settled(api, sagaId);
    await caughtUp(api);
    // Between a change of rows and the next look of whoever writes them nobody has them.
    await expect
      .poll(() => projectionOf(api))
      .toMatchObject({ state: 'running', lag: 0, rebuild: null });
  });

  test('that is paused gets old, and a saga by its id does not', async () => {
    const correlationId = `paused-${randomUUID()}`;
    await api.post('/api/v1/projections/saga-read-model/pause');
    const { sagaId } = await start(api, { correlationId, ...SLOW });
    expect(await settled(api, sagaId)).toMatchObject({ status: 'completed' });
    expect(await projectionOf(api)).toMatchObject({ state: 'paused' });
    expect((await listOf(api, { correlationId })).total).toBe(0);
    await api.post('/api/v1/projections/saga-read-model/resume');
    await caughtUp(api);
    expect((await listOf(api, { correlationId })).sagas).toMatchObject([
      { sagaId, status: 'completed' },
    ]);
  });

  test('with another name is not there', async () => {
    expect(await api.post('/api/v1/projections/nothing/rebuild')).toMatchObject({
      status: 404,
      body: { code: 'PROJECTION_NOT_FOUND' },
    });
  });
});
