import { noRetry } from 'potter-runtime/foundation';
import type { HttpService } from 'potter-runtime/http';
import {
  type InMemorySagaStore,
  type InMemoryTransaction,
  saga,
  type SagaEngine,
  signal,
} from 'potter-runtime/sagas';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Answer, answerOf, startSagaService } from '../../support/saga-service.ts';

const approval = signal('approval', (value) => {
  if (typeof value !== 'string') throw new TypeError('The name of who approves is a text.');
  return value.trim();
});

let broken = true;

const order = saga<{ readonly n: number }>('order')
  .step('reserve', { execute: () => 'r', compensate: () => {} })
  .step('bill', {
    execute: ({ input }) => {
      if (broken) throw new TypeError('bug');
      return input.n;
    },
    retry: noRetry,
  })
  .build();
const asking = saga<null>('asking').waitFor('approved', approval).build();

let service: HttpService;
let engine: SagaEngine<InMemoryTransaction>;
let store: InMemorySagaStore;
let url: string;

beforeEach(async () => {
  broken = true;
  ({ service, store, engine, url } = await startSagaService([order, asking], {
    signals: [approval],
  }));
  for (const n of [1, 2, 3]) {
    await engine.start(order, { n }, { sagaId: `order-${n}`, correlationId: 'morning' });
    await engine.settled(`order-${n}`);
  }
});

afterEach(async () => {
  await service.close();
  await engine.stop();
});

async function list(query: string): Promise<Answer> {
  const response = await fetch(`${url}${query}`);
  return answerOf(response);
}

async function bulk(body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${url}/bulk`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return answerOf(response);
}

const FAILED = { status: ['failed'], definition: 'order' };

describe('sagas over HTTP', () => {
  test('are listed by what they have in common, page by page, in the order of their ids', async () => {
    const { status, body } = await list('?status=failed&correlationId=morning&limit=2');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      sagas: [
        { sagaId: 'order-1', definition: 'order', status: 'failed', currentStep: 'bill' },
        { sagaId: 'order-2', error: { code: 'INTERNAL_ERROR', step: 'bill' } },
      ],
      next: 'order-2',
    });
    const rest = await list('?status=failed&correlationId=morning&limit=2&after=order-2');
    expect(rest.body).toMatchObject({ sagas: [{ sagaId: 'order-3' }], next: null });
    expect((await list('?status=completed')).body).toEqual({ sagas: [], next: null });
  });

  test('are told many at once, so many a request, with who and why in each journal', async () => {
    broken = false;
    const request = { action: 'resume', filter: FAILED, reason: 'mended', limit: 2 };
    for (const none of [
      { correlationId: 'nobody' },
      { paused: true },
      { step: 'x' },
      { version: 9 },
    ]) {
      const told = await bulk({ ...request, filter: { ...FAILED, ...none } });
      expect(told).toMatchObject({ status: 200, body: { outcomes: [] } });
    }
    const first = await bulk(request, { 'x-operator': 'ann', 'idempotency-key': 'mended' });
    expect(first).toEqual({
      status: 200,
      body: {
        accepted: 2,
        refused: 0,
        outcomes: ['order-1', 'order-2'].map((sagaId) => ({ sagaId, outcome: 'accepted' })),
        next: 'order-2',
      },
    });
    const again = await bulk(request, { 'x-operator': 'ann', 'idempotency-key': 'mended' });
    expect(again).toEqual(first);
    const rest = await bulk({ ...request, after: 'order-2' });
    expect(rest.body).toMatchObject({ outcomes: [{ sagaId: 'order-3' }], next: null });
    expect((await engine.settled('order-1')).status).toBe('completed');
    const events = (await store.journal('order-1')).map(({ event }) => event);
    expect(events.filter(({ type }) => type === 'SagaResumed')).toMatchObject([
      { by: 'ann', reason: 'mended' },
    ]);
  });

  test('take what they can and refuse what they cannot, each for itself', async () => {
    await engine.start(asking, null, { sagaId: 'asking-1' });
    const told = await bulk({
      action: 'signal',
      signal: 'approval',
      value: ' ann ',
      filter: { status: ['failed', 'running', 'pending'] },
    });
    expect(told.body).toMatchObject({ accepted: 4, refused: 0 });
    expect((await engine.settled('asking-1')).results).toEqual({ approved: 'ann' });
    const skipped = await bulk({
      action: 'skip',
      step: 'reserve',
      filter: { definition: 'order' },
    });
    expect(skipped.body).toMatchObject({
      accepted: 0,
      refused: 3,
      outcomes: Array.from({ length: 3 }, () => ({
        outcome: 'refused',
        error: { code: 'SAGA_OPERATION_REFUSED' },
      })),
    });
  });

  test.each([
    [{ filter: FAILED }, 'action'],
    [{ action: 'resume' }, 'filter'],
    [{ action: 'resume', filter: {} }, '/filter'],
    [{ action: 'resume', filter: { stats: ['failed'] } }, 'stats'],
    [{ action: 'resume', filter: { status: ['falied'] } }, 'must be one of pending, running'],
    [{ action: 'resume', filter: { startedAfter: '2026-02-30T00:00:00Z' } }, 'startedAfter'],
    [{ action: 'explode', filter: FAILED }, '/action'],
    [{ action: 'rewind', filter: FAILED }, '/step'],
    [{ action: 'edit', filter: FAILED }, '/input'],
    [{ action: 'signal', filter: FAILED }, '/signal'],
    [{ action: 'signal', signal: 'approval', value: 7, filter: FAILED }, '/value'],
    [{ action: 'resume', filter: FAILED, limit: 100_000 }, '/limit'],
  ])('bad bulk request %j is 422, says what is wrong, and tells no saga', async (body, wrong) => {
    const answer = await bulk(body);
    expect(answer).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED' } });
    expect(JSON.stringify(answer.body)).toContain(wrong);
    for (const n of [1, 2, 3]) expect(await store.inbox(`order-${n}`, 0n)).toEqual([]);
  });

  test('a body that is not JSON is 400; a filter of a list that is none is 422', async () => {
    expect((await bulk('{"action": ')).status).toBe(400);
    for (const query of ['?status=falied', '?stats=failed', '?limit=0', '?startedAfter=monday']) {
      expect((await list(query)).status).toBe(422);
    }
  });
});
