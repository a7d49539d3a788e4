import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Api } from '../../scripts/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { flawsOf } from '../support/all-or-nothing.ts';
import { effectsOf, historyOf, settled } from '../support/sagas.ts';
import { start } from '../support/scenarios.ts';
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

test('a saga can be followed live, and picked up again where the line broke', async () => {
  const { sagaId } = await start(api);
  const stream = await api.get<string>(`/api/v1/sagas/${sagaId}/events`);
  expect(stream.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const idsOf = (text: string) => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  const ids = idsOf(stream.body);
  expect(stream.body).toContain('event: SagaStarted');
  expect(stream.body).toContain('event: SagaCompleted');
  expect(ids).toEqual(ids.map((_, at) => at + 1));
  const rest = await api.get<string>(`/api/v1/sagas/${sagaId}/events`, { 'last-event-id': '3' });
  expect(idsOf(rest.body)).toEqual(ids.slice(3));
});

test('a saga is drawn in Mermaid, as a picture, and as a page that follows it', async () => {
  const { sagaId } = await start(api);
  await settled(api, sagaId);
  const steps = (await historyOf(api, sagaId)).map(({ step }) => step);
  const drawings = [
    ['', 'text/vnd.mermaid'],
    ['?format=svg', 'image/svg+xml'],
    ['?format=html', 'text/html'],
  ] as const;
  for (const [format, type] of drawings) {
    const drawing = await api.get<string>(`/api/v1/sagas/${sagaId}/diagram${format}`);
    expect(drawing.headers.get('content-type')).toContain(type);
    for (const step of steps) expect(drawing.body).toContain(step);
  }
});

test('a saga that is over is neither cancelled nor resumed, and one that never was is not found', async () => {
  const { sagaId } = await start(api);
  await settled(api, sagaId);
  const refused = (answer: unknown, status: number, code: string) =>
    expect(answer).toMatchObject({ status, body: { code } });
  refused(await api.post(`/api/v1/sagas/${sagaId}/cancel`), 409, 'SAGA_ALREADY_FINISHED');
  refused(await api.post(`/api/v1/sagas/${sagaId}/resume`), 409, 'SAGA_NOT_RESUMABLE');
  refused(await api.get('/api/v1/sagas/nothing'), 404, 'SAGA_NOT_FOUND');
  refused(await api.get('/api/v1/sagas/nothing/history'), 404, 'SAGA_NOT_FOUND');
  refused(await api.post('/api/v1/sagas/nothing/cancel'), 404, 'SAGA_NOT_FOUND');
});

test('a saga can be undone although it was completed', async () => {
  const { sagaId } = await start(api);
  expect(await settled(api, sagaId)).toMatchObject({ status: 'completed' });
  const request = { reason: 'The customer has changed their mind.' };
  expect((await api.post(`/api/v1/sagas/${sagaId}/undo`, request)).status).toBe(202);
  const undone = await settled(api, sagaId);
  expect(undone).toMatchObject({ status: 'compensated' });
  expect(flawsOf(undone, await effectsOf(api, sagaId))).toEqual([]);
});

test('many sagas are told at once, and what became of each is said', async () => {
  const sagas = [await start(api), await start(api)];
  const { body: first } = await api.get<{ startedAt: string }>(`/api/v1/sagas/${sagas[0]?.sagaId}`);
  for (const { sagaId } of sagas) await settled(api, sagaId);
  const filter = { status: ['completed'], startedAfter: first.startedAt };
  const told = await api.post('/api/v1/sagas/bulk', { action: 'undo', filter });
  const outcomes = sagas.map(({ sagaId }) => ({ sagaId, outcome: 'accepted' }));
  expect(told).toMatchObject({
    status: 200,
    body: { refused: 0, outcomes: expect.arrayContaining(outcomes) },
  });
  for (const { sagaId } of sagas) {
    expect(await settled(api, sagaId)).toMatchObject({ status: 'compensated' });
  }
});

test('the effects of a saga name who did what, under which key, and when', async () => {
  const { sagaId } = await start(api);
  await settled(api, sagaId);
  const { body } = await api.get<readonly object[]>(`/api/v1/effects?sagaId=${sagaId}`);
  expect(body.length).toBeGreaterThan(0);
  for (const effect of body) {
    expect(effect).toEqual({
      service: expect.any(String),
      operation: expect.any(String),
      key: expect.stringMatching(new RegExp(`^${sagaId}/.+/do$`)),
      at: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
    });
  }
});

test('effects are not shown in production', async () => {
  await using production = await startService({
    DATABASE_URL: database.url,
    NODE_ENV: 'production',
  });
  expect((await production.api.get('/api/v1/effects?sagaId=x')).status).toBe(404);
});
