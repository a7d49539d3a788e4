import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type RunningService, startRefused, startService } from '../support/service.ts';

let database: TestDatabase;
let service: RunningService;

beforeAll(async () => {
  database = await createTestDatabase();
  service = await startService({ DATABASE_URL: database.url });
});

afterAll(async () => {
  await service?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

describe('a running service', () => {
  test('is healthy and ready', async () => {
    expect((await service.api.get('/health')).status).toBe(200);
    // It listens before it is set up, and says so.
    await expect
      .poll(() => service.api.get('/ready'))
      .toMatchObject({ status: 200, body: { status: 'ready' } });
  });

  test('describes its API, shows it and measures itself', async () => {
    const { body } = await service.api.get<{ openapi: string; paths: object }>('/openapi.json');
    expect(body.openapi).toMatch(/^3\.1/);
    expect(Object.keys(body.paths).length).toBeGreaterThan(3);
    expect((await service.api.get('/docs/')).status).toBe(200);
    expect((await service.api.get<string>('/metrics')).body).toContain('# TYPE');
  });

  test.each([
    [404, 'NOT_FOUND', '/nowhere', { method: 'GET' }],
    [405, 'METHOD_NOT_ALLOWED', '/health', { method: 'DELETE' }],
  ])('answers %i %s as a problem document', async (status, code, path, request) => {
    const response = await fetch(`${service.url}${path}`, request);
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await response.json()).toMatchObject({ status, code });
  });
});

describe('a start', () => {
  test('with bad variables is refused with one line that names each of them', async () => {
    const bad = {
      PORT: 'eighty',
      HOST: 'http://localhost',
      LOG_LEVEL: 'loud',
      SHUTDOWN_TIMEOUT: 'soon',
      DATABASE_URL: 'postgres://no-database',
    };
    const { exitCode, output } = await startRefused(bad);
    expect(exitCode).toBe(1);
    expect(output.trim().split('\n')).toHaveLength(1);
    for (const variable of Object.keys(bad)) expect(output).toContain(variable);
  });

  test('on a port that is taken is refused with one line', async () => {
    const { port } = new URL(service.url);
    const { exitCode, output } = await startRefused({ DATABASE_URL: database.url, PORT: port });
    expect(exitCode).toBe(1);
    expect(output).toContain(`127.0.0.1:${port}`);
  });

  test('without a database listens, is not ready, and answers 503', async () => {
    const dead = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => dead.once('listening', resolve));
    const address = dead.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    await new Promise((resolve) => dead.close(resolve));
    await using lonely = await startService({
      DATABASE_URL: `postgres://nobody:x@127.0.0.1:${port}/none`,
    });
    expect((await lonely.api.get('/health')).status).toBe(200);
    expect(await lonely.api.get('/ready')).toMatchObject({
      status: 503,
      body: { status: 'not-ready' },
    });
    expect(lonely.output()).not.toContain(':x@');
  });
});

test('SIGTERM stops the service with exit code 0', async () => {
  const other = await startService({ DATABASE_URL: database.url });
  expect(await other.stop()).toBe(0);
});
