import { connect } from 'node:net';
import * as fc from 'fast-check';
import type { HttpService } from 'potter-runtime/http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bank } from './bank.ts';

let service: HttpService;
let port: number;

beforeAll(async () => {
  service = await bank();
  port = Number(new URL(await service.listen({ port: 0 })).port);
});

afterAll(async () => {
  await service.close();
});

/** Texts that people who break services send. */
const nasty = fc.constantFrom(
  '\u0000',
  '\ud800',
  '__proto__',
  'constructor',
  "'; drop table accounts; --",
  '../../etc/passwd',
  '%00',
  '\r\n',
  '9007199254740993',
  '-0',
  '1e999',
  'NaN',
  'null',
  '{}',
  '[]',
  '💣',
  '\uFEFF',
  'a'.repeat(5_000),
);
const text = fc.oneof(nasty, fc.string({ unit: 'binary' }), fc.string());
const key = fc.oneof(fc.constantFrom('amountCents', 'note', 'lines', 'sku', 'count'), text);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    text,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4 }),
  ),
}));

let looked = 0;

function expectHonest(response: {
  statusCode: number;
  body: string;
  headers: Record<string, unknown>;
}): void {
  looked += 1;
  expect(response.statusCode).toBeLessThan(500);
  if (response.statusCode < 400) return;
  expect(response.headers['content-type']).toBe('application/problem+json');
  expect(JSON.parse(response.body)).toMatchObject({ status: response.statusCode });
  expect(response.body).not.toMatch(/node_modules|\s+at .*:\d+:\d+/);
}

describe('no input makes the service fail', () => {
  test('whatever JSON the body is', async () => {
    const before = looked;
    await fc.assert(
      fc.asyncProperty(value, async (body) => {
        const payload = JSON.stringify(body);
        const headers = { 'content-type': 'application/json' };
        expectHonest(
          await service.app.inject({
            method: 'POST',
            url: '/api/v1/accounts/a/deposit',
            headers,
            payload,
          }),
        );
      }),
      { numRuns: 1_000 },
    );
    expect(looked - before).toBe(1_000);
  });

  test('whatever bytes the body is', async () => {
    const before = looked;
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const headers = { 'content-type': 'application/json' };
        const payload = Buffer.from(bytes);
        const url = '/api/v1/accounts/a/deposit';
        expectHonest(await service.app.inject({ method: 'POST', url, headers, payload }));
      }),
      { numRuns: 1_000 },
    );
    expect(looked - before).toBe(1_000);
  });

  test('whatever the query and the id are', async () => {
    const before = looked;
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.constantFrom('limit', 'after', 'type', 'live', '__proto__'),
        text,
        async (id, name, content) => {
          const parameter = `${encodeURIComponent(name)}=${encoded(content)}`;
          expectHonest(await service.app.inject({ url: `/api/v1/events?${parameter}` }));
          expectHonest(
            await service.app.inject({
              url: `/api/v1/accounts/${encoded(id)}`,
            }),
          );
        },
      ),
      { numRuns: 500 },
    );
    expect(looked - before).toBe(1_000);
  });

  test('whatever the raw address is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[!-~]{0,80}$/), async (raw) => {
        const status = await exchange(
          `GET /${raw} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
        );
        expect(status).toBeGreaterThanOrEqual(200);
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
  });

  test('whatever the headers are', async () => {
    const name = fc.constantFrom(
      'If-Match',
      'If-None-Match',
      'Idempotency-Key',
      'X-Correlation-Id',
      'traceparent',
      'Content-Type',
      'Content-Length',
      'Transfer-Encoding',
      'Accept',
      'Expect',
    );
    const content = fc.stringMatching(/^[\x20-\x7e\xa1-\xff]{0,60}$/);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, content), { maxLength: 6 }), async (pairs) => {
        const lines = pairs.map(([header, written]) => `${header}: ${written}\r\n`).join('');
        const status = await exchange(
          `POST /api/v1/accounts/a/deposit HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines}\r\n`,
        );
        expect(status).toBeGreaterThanOrEqual(100);
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
  });

  test('even when it is not HTTP at all', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 4, maxLength: 100 }), async (bytes) => {
        const status = await exchange(Buffer.concat([bytes, Buffer.from('\r\n\r\n')]));
        expect([0, 400, 404, 405]).toContain(status);
      }),
      { numRuns: 200 },
    );
  });

  test('nor when its headers are too large', async () => {
    const request = `GET /health HTTP/1.1\r\nHost: x\r\nX-Big: ${'x'.repeat(20_000)}\r\n\r\n`;
    expect(await exchange(request)).toBe(431);
  });

  test('and it still works after all that', async () => {
    expect((await service.app.inject({ url: '/health' })).statusCode).toBe(200);
  });
});

/** Sends bytes; the status of what comes back, 0 when the line was closed without a word. */
function exchange(bytes: string | Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let answer = '';
    // A sender who announced more than it sends would otherwise wait for ever, and so would this test. Who is answered
    // later than somebody who came after it is not answered at all.
    const hangUp = setTimeout(
      () =>
        void isAlive()
          .then(isAlive)
          .then(() => socket.end()),
      100,
    );
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => {
      clearTimeout(hangUp);
      resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? '0'));
    });
    socket.write(bytes);
  });
}

/** Whether the service answers, on a connection of its own. */
async function isAlive(): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${port}/health`)).ok;
}

/** Percent-encoding knows no half of a surrogate pair. */
function encoded(content: string): string {
  return encodeURIComponent(content.replaceAll(/\p{Surrogate}/gu, '\uFFFD'));
}
