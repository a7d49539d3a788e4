import { Rejection } from 'potter-runtime/errors';
import type { HttpService } from 'potter-runtime/http';
import { noRetry, simpleRetry } from 'potter-runtime/foundation';
import {
  createSagaEngine,
  type InMemorySagaStore,
  type InMemoryTransaction,
  saga,
  type SagaEngine,
} from 'potter-runtime/sagas';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deferred } from '../../support/deferred.ts';
import { type Answer, answerOf, startSagaService } from '../../support/saga-service.ts';

interface Order {
  readonly orderId: string;
  readonly declined?: boolean;
  readonly stuck?: boolean;
}

let gate = deferred();
let refundWorks = false;

const orderSaga = saga<Order>('order-saga', { version: 1 })
  .step('reserve-inventory', {
    execute: () => ({ reservedUntil: new Date('2026-01-02T03:04:05.678Z'), units: 3n }),
    compensate: ({ input }) => {
      if (input.stuck === true && !refundWorks)
        throw new Rejection('WAREHOUSE_CLOSED', 'Nobody is there.');
    },
    compensateRetry: simpleRetry({ maxAttempts: 2, delay: 0 }),
  })
  .step('process-payment', {
    execute: async ({ input }) => {
      if (input.declined === true)
        throw new Rejection('PAYMENT_DECLINED', 'The card was declined.');
      await gate.promise;
      return { paid: true };
    },
    retry: noRetry,
  })
  .build();

const lockedSaga = saga<Order>('locked-saga', { lock: () => 'till' })
  .step('wait', { execute: () => gate.promise })
  .build();

const refuse = (): never => {
  throw new Rejection('NO', 'No.');
};

const abandonedSaga = saga<Order>('abandoned-saga', { onCompensationFailure: 'fail' })
  .step('a', { execute: () => 1, compensate: () => {} })
  .step('b', { execute: () => 2, compensate: refuse, compensateRetry: noRetry })
  .step('c', { execute: refuse })
  .build();

let service: HttpService;
let store: InMemorySagaStore;
let engine: SagaEngine<InMemoryTransaction>;
let url: string;

beforeEach(async () => {
  gate = deferred();
  refundWorks = false;
  ({ service, store, engine, url } = await startSagaService([
    orderSaga,
    lockedSaga,
    abandonedSaga,
  ]));
});

afterEach(async () => {
  gate.resolve();
  await service.close();
  await engine.stop();
});

async function json(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${url}${path}`, init);
  return answerOf(response);
}

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** A first attempt in a history. */
function entry(step: string, kind: string, status: string, problem: unknown = null): unknown {
  return {
    step,
    kind,
    status,
    attempt: 1,
    startedAt: expect.stringMatching(ISO),
    finishedAt: expect.stringMatching(ISO),
    durationMs: expect.any(Number),
    error: problem,
  };
}

function idsIn(text: string): readonly number[] {
  return [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
}

describe('a saga over HTTP', () => {
  test('has exactly the documented fields, with bigints as text and times in ISO 8601', async () => {
    const { sagaId } = await engine.start(orderSaga, { orderId: 'o-1' }, { correlationId: 'c-1' });
    gate.resolve();
    await engine.settled(sagaId);
    const { status, body } = await json(`/${sagaId}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      sagaId,
      definition: 'order-saga',
      definitionVersion: 1,
      paused: false,
      status: 'completed',
      currentStep: null,
      input: { orderId: 'o-1' },
      results: {
        'reserve-inventory': { reservedUntil: '2026-01-02T03:04:05.678Z', units: '3' },
        'process-payment': { paid: true },
      },
      correlationId: 'c-1',
      lock: null,
      startedAt: expect.stringMatching(ISO),
      updatedAt: expect.stringMatching(ISO),
      finishedAt: expect.stringMatching(ISO),
      error: null,
    });
  });

  test('says which keys it has, and of one that waits whose they are and how many come before it', async () => {
    const ids: string[] = [];
    for (const orderId of ['o-1', 'o-2', 'o-3']) {
      ids.push((await engine.start(lockedSaga, { orderId })).sagaId);
    }
    expect((await json(`/${ids[0]}`)).body).toMatchObject({
      lock: { state: 'held', keys: ['till'] },
    });
    expect((await json(`/${ids[2]}`)).body).toMatchObject({
      status: 'pending',
      lock: {
        state: 'waiting',
        keys: ['till'],
        waitsFor: [{ key: 'till', holder: ids[0], ahead: 2 }],
      },
    });
    gate.resolve();
    await engine.settled(ids[2] ?? '');
    expect((await json(`/${ids[2]}`)).body).toMatchObject({ status: 'completed', lock: null });
  });

  test('that was abandoned names what remains to be undone, in its view, its history and in lists', async () => {
    const { sagaId } = await engine.start(abandonedSaga, { orderId: 'o-1' });
    await engine.settled(sagaId);
    expect((await json(`/${sagaId}`)).body).toMatchObject({
      status: 'abandoned',
      finishedAt: expect.stringMatching(ISO),
      error: { code: 'NO', step: 'b' },
      remaining: ['a', 'b'],
    });
    const { body } = await json(`/${sagaId}/history`);
    expect(body).toMatchObject({
      history: expect.arrayContaining([
        entry('b', 'compensation', 'compensation_failed', expect.objectContaining({ code: 'NO' })),
        expect.objectContaining({ step: 'a', status: 'not_compensated', attempt: 0 }),
      ]),
    });
    expect((await json('?status=abandoned')).body).toMatchObject({ sagas: [{ sagaId }] });
    const resumed = await json(`/${sagaId}/resume`, { method: 'POST' });
    expect(resumed).toMatchObject({ status: 409, body: { code: 'SAGA_NOT_RESUMABLE' } });
    expect((await json(`/${sagaId}/undo`, { method: 'POST' })).status).toBe(202);
  });

  test('says when it waits for a process that has its version', async () => {
    const newer = saga<null>('order-saga', { version: 9 })
      .step('only', { execute: () => null })
      .build();
    const elsewhere = createSagaEngine({ store, definitions: [newer] });
    const { sagaId } = await elsewhere.start(newer, null);
    const { body } = await json(`/${sagaId}`);
    expect(body).toMatchObject({ status: 'pending', definitionVersion: 9, versionMissing: true });
  });

  test('tells why it was undone, and its history has every attempt and undo in order', async () => {
    const { sagaId } = await engine.start(orderSaga, { orderId: 'o-2', declined: true });
    await engine.settled(sagaId);
    const error = {
      code: 'PAYMENT_DECLINED',
      message: 'The card was declined.',
      step: 'process-payment',
    };
    expect((await json(`/${sagaId}`)).body).toMatchObject({ status: 'compensated', error });
    const { body } = await json(`/${sagaId}/history`);
    expect(body).toEqual({
      sagaId,
      history: [
        entry('reserve-inventory', 'step', 'completed'),
        entry('process-payment', 'step', 'failed', error),
        entry('reserve-inventory', 'compensation', 'compensated'),
      ],
    });
  });

  test('is drawn with its path marked', async () => {
    const { sagaId } = await engine.start(orderSaga, { orderId: 'o-3', declined: true });
    await engine.settled(sagaId);
    const response = await fetch(`${url}/${sagaId}/diagram`);
    expect(response.headers.get('content-type')).toBe('text/vnd.mermaid; charset=utf-8');
    const text = await response.text();
    expect(text).toMatch(/^flowchart LR\n/);
    expect(text).toContain('process-payment');
    expect(text).toContain('undone');
    const image = await fetch(`${url}/${sagaId}/diagram?format=svg`);
    expect(image.headers.get('content-type')).toBe('image/svg+xml; charset=utf-8');
    expect(await image.text()).toMatch(/^<svg /);
    const page = await fetch(`${url}/${sagaId}/diagram?format=html`);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toContain('data-events="events"');
    expect(await json(`/${sagaId}/diagram?format=gif`)).toMatchObject({
      status: 422,
      body: { code: 'VALIDATION_FAILED' },
    });
  });

  test('that does not exist is a 404 with a code, on every route', async () => {
    for (const path of ['', '/history', '/events', '/diagram']) {
      expect(await json(`/nobody${path}`)).toMatchObject({
        status: 404,
        body: { code: 'SAGA_NOT_FOUND' },
      });
    }
    for (const action of ['cancel', 'resume']) {
      expect(await json(`/nobody/${action}`, { method: 'POST' })).toMatchObject({
        status: 404,
        body: { code: 'SAGA_NOT_FOUND' },
      });
    }
  });
});

describe('telling a saga', () => {
  test('a cancel is accepted, undoes what was done, and is refused once the saga is over', async () => {
    const { sagaId } = await engine.start(orderSaga, { orderId: 'o-4' });
    const first = await fetch(`${url}/${sagaId}/cancel`, { method: 'POST' });
    expect(first.status).toBe(202);
    expect(first.headers.get('location')).toBe(`/api/v1/sagas/${sagaId}`);
    gate.resolve();
    expect(await engine.settled(sagaId)).toMatchObject({
      status: 'compensated',
      error: { code: 'SAGA_CANCELLED' },
    });
    expect(await json(`/${sagaId}/cancel`, { method: 'POST' })).toMatchObject({
      status: 409,
      body: { code: 'SAGA_ALREADY_FINISHED' },
    });
  });

  test('the same cancel with the same key is answered the same, also after the saga is over', async () => {
    const { sagaId } = await engine.start(orderSaga, { orderId: 'o-5' });
    const init = { method: 'POST', headers: { 'idempotency-key': 'key-1' } };
    const first = await json(`/${sagaId}/cancel`, init);
    gate.resolve();
    await engine.settled(sagaId);
    expect(first.status).toBe(202);
    expect(await json(`/${sagaId}/cancel`, init)).toEqual(first);
  });

  test('a resume is for failed sagas only, and tries again from there', async () => {
    const { sagaId } = await engine.start(orderSaga, {
      orderId: 'o-6',
      declined: true,
      stuck: true,
    });
    expect(await engine.settled(sagaId)).toMatchObject({ status: 'failed' });
    expect((await json(`/${sagaId}`)).body).toMatchObject({
      error: { code: 'WAREHOUSE_CLOSED', step: 'reserve-inventory' },
    });
    refundWorks = true;
    expect((await json(`/${sagaId}/resume`, { method: 'POST' })).status).toBe(202);
    await expect
      .poll(async () => (await json(`/${sagaId}`)).body)
      .toMatchObject({ status: 'compensated' });
    expect(await json(`/${sagaId}/resume`, { method: 'POST' })).toMatchObject({
      status: 409,
      body: { code: 'SAGA_NOT_RESUMABLE' },
    });
  });
});

describe('live events', () => {
  test('tell the whole story while it happens, and end with the saga', async () => {
    const { sagaId } = await engine.start(orderSaga, { orderId: 'o-7' });
    const response = await fetch(`${url}/${sagaId}/events`);
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    gate.resolve();
    const text = await response.text();
    const names = [...text.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name);
    expect(names).toEqual([
      'SagaStarted',
      'AttemptStarted',
      'AttemptCompleted',
      'AttemptStarted',
      'AttemptCompleted',
      'SagaCompleted',
    ]);
    expect(idsIn(text)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(text).toContain('"units":"3"');
  });

  test('go on after Last-Event-ID, and say 204 to a reader who has all of a saga that is over', async () => {
    const { sagaId } = await engine.start(orderSaga, { orderId: 'o-8' });
    gate.resolve();
    await engine.settled(sagaId);
    const read = (id: string) =>
      fetch(`${url}/${sagaId}/events`, { headers: { 'last-event-id': id } });
    expect(idsIn(await (await read('4')).text())).toEqual([5, 6]);
    expect((await read('6')).status).toBe(204);
    expect(idsIn(await (await read('nonsense')).text())).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('wait for what a saga that is over was told: a reader who has all of it so far stays on the line', async () => {
    const { sagaId } = await engine.start(orderSaga, { orderId: 'o-10' });
    gate.resolve();
    await engine.settled(sagaId);
    await engine.stop();
    expect((await json(`/${sagaId}/undo`, { method: 'POST' })).status).toBe(202);
    expect((await json(`/${sagaId}`)).body).toMatchObject({ status: 'completed', unheard: true });
    const more = await fetch(`${url}/${sagaId}/events`, { headers: { 'last-event-id': '6' } });
    expect(more.status).toBe(200);
    await using next = createSagaEngine({ store, definitions: [orderSaga] });
    await next.run();
    const text = await more.text();
    expect(text).toContain('event: UndoRequested');
    expect(text).toContain('event: SagaCompensated');
    expect((await json(`/${sagaId}`)).body).not.toHaveProperty('unheard');
  });

  test('end when the service stops', async () => {
    const { sagaId } = await engine.start(orderSaga, { orderId: 'o-9' });
    const { body } = await fetch(`${url}/${sagaId}/events`);
    const decoder = new TextDecoder();
    let text = '';
    let closed: Promise<unknown> | undefined;
    for await (const chunk of body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (/^id: 4$/m.test(text)) closed ??= service.close();
    }
    expect(idsIn(text)).toEqual([1, 2, 3, 4]);
    await closed;
  });
});

test('the routes are in the OpenAPI document, with their problems', async () => {
  const response = await fetch(url.replace('/api/v1/sagas', '/openapi.json'));
  const document = (await response.json()) as {
    paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
  };
  const paths = Object.keys(document.paths).filter((path) => path.startsWith('/api/v1/sagas'));
  expect(paths.toSorted()).toEqual(
    [
      '',
      '/bulk',
      '/{id}',
      '/{id}/cancel',
      '/{id}/diagram',
      '/{id}/edit',
      '/{id}/events',
      '/{id}/history',
      '/{id}/pause',
      '/{id}/resume',
      '/{id}/rewind',
      '/{id}/skip',
      '/{id}/undo',
    ].map((path) => `/api/v1/sagas${path}`),
  );
  const cancel = document.paths['/api/v1/sagas/{id}/cancel']?.['post'];
  expect(Object.keys(cancel?.responses ?? {})).toEqual(
    expect.arrayContaining(['202', '404', '409']),
  );
});
