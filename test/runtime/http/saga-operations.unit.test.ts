import { Rejection } from 'potter-runtime/errors';
import { noRetry } from 'potter-runtime/foundation';
import type { HttpService } from 'potter-runtime/http';
import { type InMemoryTransaction, saga, type SagaEngine, signal } from 'potter-runtime/sagas';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Answer, answerOf, startSagaService } from '../../support/saga-service.ts';

const approval = signal('approval', (value) => {
  if (typeof value !== 'string') throw new TypeError('The name of who approves is a text.');
  if (value === 'nobody') throw new Rejection('NOBODY', 'Somebody has to approve.');
  return value;
});

let broken = true;
const undone: string[] = [];

const order = saga<{ readonly n: number; readonly note?: string }>('operated')
  .step('reserve', { execute: () => 'r', compensate: ({ key }) => void undone.push(key) })
  .step('bill', {
    execute: ({ input }) => {
      if (broken) throw new TypeError('bug');
      return input;
    },
    retry: noRetry,
  })
  .build();

const asking = saga<null>('asking').waitFor('approved', approval).build();

let service: HttpService;
let engine: SagaEngine<InMemoryTransaction>;
let url: string;

beforeEach(async () => {
  broken = true;
  undone.length = 0;
  ({ service, engine, url } = await startSagaService([order, asking], { signals: [approval] }));
});

afterEach(async () => {
  await service.close();
  await engine.stop();
});

async function post(
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${url}/${path}`, {
    method: 'POST',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return answerOf(response);
}

async function failed(): Promise<string> {
  const { sagaId } = await engine.start(order, { n: 1 });
  expect((await engine.settled(sagaId)).status).toBe('failed');
  return sagaId;
}

async function audit(sagaId: string): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { event } of engine.events(sagaId)) {
    if ('messageId' in event) found.push(`${event.type} ${event.by ?? ''} ${event.reason ?? ''}`);
  }
  return found;
}

async function reached(sagaId: string, status: string): Promise<void> {
  await expect.poll(async () => (await engine.get(sagaId)).status).toBe(status);
}

describe('operations over HTTP', () => {
  test('edit, rewind and undo are accepted, done, and journaled with who asked and why', async () => {
    const sagaId = await failed();
    broken = false;
    const ann = { 'x-operator': 'ann' };
    expect(
      await post(`${sagaId}/edit`, { input: { n: 2 }, merge: true, reason: 'typo' }, ann),
    ).toEqual({ status: 202, body: { sagaId } });
    expect((await post(`${sagaId}/rewind`, { step: 'reserve' }, ann)).status).toBe(202);
    await reached(sagaId, 'completed');
    expect((await engine.get(sagaId)).results).toMatchObject({ bill: { n: 2 } });
    expect((await post(`${sagaId}/undo`)).status).toBe(202);
    await reached(sagaId, 'compensated');
    expect(undone.map((key) => key.slice(sagaId.length))).toEqual([
      '/reserve/undo',
      '/reserve~1/undo',
    ]);
    expect(await audit(sagaId)).toEqual([
      'InputEdited ann typo',
      'RewindStarted ann ',
      'UndoRequested 127.0.0.1 ',
    ]);
  });

  test('who asks without a name is journaled by address; a name that says nothing or too much is refused', async () => {
    const sagaId = await failed();
    for (const operator of [' ', 'x'.repeat(201)]) {
      expect(await post(`${sagaId}/undo`, undefined, { 'x-operator': operator })).toMatchObject({
        status: 422,
        body: { errors: [{ in: 'header', path: '/x-operator' }] },
      });
    }
    expect((await post(`${sagaId}/undo`, { reason: 'lunch' })).status).toBe(202);
    await reached(sagaId, 'compensated');
    expect(await audit(sagaId)).toEqual(['CancelRequested 127.0.0.1 lunch']);
  });

  test('a step is skipped with its result', async () => {
    const sagaId = await failed();
    expect((await post(`${sagaId}/skip`, { step: 'bill', result: { n: 9 } })).status).toBe(202);
    await reached(sagaId, 'completed');
    expect((await engine.get(sagaId)).results).toMatchObject({ bill: { n: 9 } });
  });

  test('a saga is paused with a reason or without a body, and resumed', async () => {
    const { sagaId } = await engine.start(asking, null);
    expect((await post(`${sagaId}/pause`, { reason: 'incident' })).status).toBe(202);
    expect((await post(`${sagaId}/pause`)).status).toBe(202);
    await expect.poll(async () => (await engine.get(sagaId)).paused).toBe(true);
    expect((await post(`${sagaId}/resume`)).status).toBe(202);
    await expect.poll(async () => (await engine.get(sagaId)).paused).toBe(false);
  });

  test('a signal is checked by its parse: what it throws is a 422; one that is not registered a 404', async () => {
    const { sagaId } = await engine.start(asking, null);
    expect(await post(`${sagaId}/signal/approval`, { value: 7 })).toMatchObject({
      status: 422,
      body: {
        code: 'VALIDATION_FAILED',
        errors: [{ in: 'body', path: '/value', message: 'The name of who approves is a text.' }],
      },
    });
    expect(await post(`${sagaId}/signal/approval`, { value: 'nobody' })).toMatchObject({
      status: 422,
      body: { code: 'NOBODY' },
    });
    expect((await post(`${sagaId}/signal/other`, { value: 'x' })).status).toBe(404);
    expect((await post(`${sagaId}/signal/approval`, { value: 'Ann' })).status).toBe(202);
    await reached(sagaId, 'completed');
    expect((await engine.get(sagaId)).results).toEqual({ approved: 'Ann' });
  });

  test('what cannot be done is refused with a code: 404, 409, 422', async () => {
    const sagaId = await failed();
    const cases: readonly [string, unknown, number, string][] = [
      ['none/pause', undefined, 404, 'SAGA_NOT_FOUND'],
      [`${sagaId}/rewind`, { step: 'nope' }, 422, 'SAGA_STEP_UNKNOWN'],
      [`${sagaId}/rewind`, { stp: 'reserve' }, 422, 'VALIDATION_FAILED'],
      [`${sagaId}/rewind`, undefined, 400, 'MALFORMED_JSON'],
      [`${sagaId}/skip`, { step: 'reserve' }, 409, 'SAGA_OPERATION_REFUSED'],
      [`${sagaId}/edit`, { input: 'text', merge: true }, 422, 'INVALID_ARGUMENT'],
      [`${sagaId}/pause`, { because: 'x' }, 422, 'VALIDATION_FAILED'],
    ];
    for (const [path, body, status, code] of cases) {
      expect(await post(path, body)).toMatchObject({ status, body: { code } });
    }
  });

  test('with the same Idempotency-Key is heard once, and answered the same', async () => {
    const sagaId = await failed();
    broken = false;
    const key = { 'idempotency-key': 'k-1' };
    const first = await post(`${sagaId}/rewind`, { step: 'reserve' }, key);
    await reached(sagaId, 'completed');
    expect(await post(`${sagaId}/rewind`, { step: 'reserve' }, key)).toEqual(first);
    expect((await post(`${sagaId}/rewind`, { step: 'bill' }, key)).status).toBe(422);
    expect(await audit(sagaId)).toHaveLength(1);
    // Also when its answer was lost with the process: the saga knows the message by the key, and tells operations apart.
    const again = await engine.rewind(sagaId, 'reserve', { messageId: 'rewind:k-1' });
    expect(again).toEqual({ sagaId });
    expect(await audit(sagaId)).toHaveLength(1);
  });
});
