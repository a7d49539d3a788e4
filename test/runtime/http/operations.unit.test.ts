import { PotterError } from 'potter-runtime/errors';
import { createHttpService } from 'potter-runtime/http';
import { PrometheusMeter } from 'potter-runtime/prometheus';
import { describe, expect, test } from 'vitest';
import { bank } from './bank.ts';

describe('/ready', () => {
  test('is 503, with what is missing by name, until every check passes', async () => {
    let isUp = false;
    await using service = await bank({
      readiness: [
        { name: 'migrations', check: async () => {} },
        {
          name: 'database',
          check: async () => {
            if (isUp) return;
            throw new PotterError('DATABASE_UNAVAILABLE', {
              message: 'No connection with postgres://potter:hunter2@db/x.',
            });
          },
        },
      ],
    });
    const before = await service.app.inject({ url: '/ready' });
    expect(before.statusCode).toBe(503);
    expect(before.json()).toEqual({
      status: 'not-ready',
      checks: {
        migrations: { ok: true },
        database: { ok: false, message: 'No connection with postgres://potter:***@db/x.' },
      },
    });
    isUp = true;
    const after = await service.app.inject({ url: '/ready' });
    expect([after.statusCode, after.json()]).toEqual([
      200,
      { status: 'ready', checks: { migrations: { ok: true }, database: { ok: true } } },
    ]);
  });

  test('asks a check that can only pass once no further', async () => {
    let asked = 0;
    const check = async (): Promise<void> => {
      asked += 1;
      if (asked === 1) throw new Error('not yet');
    };
    await using service = await bank({ readiness: [{ name: 'migrations', once: true, check }] });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i += 1)
      statuses.push((await service.app.inject({ url: '/ready' })).statusCode);
    expect([statuses, asked]).toEqual([[503, 200, 200, 200], 2]);
  });

  test('does not wait for a check that never answers, nor for one that does not look at its signal', async () => {
    let signal: AbortSignal | undefined;
    const check = (patience: AbortSignal): Promise<never> => {
      signal = patience;
      return new Promise(() => {});
    };
    await using service = await bank({ readiness: [{ name: 'database', check }] });
    const answer = await service.app.inject({ url: '/ready' });
    expect([answer.statusCode, answer.json()]).toEqual([
      503,
      {
        status: 'not-ready',
        checks: { database: { ok: false, message: 'no answer within 3000 ms' } },
      },
    ]);
    expect(signal?.aborted).toBe(true);
  });

  test('/health is 200 whatever the checks say', async () => {
    await using service = await bank({
      readiness: [{ name: 'database', check: () => Promise.reject(new Error('down')) }],
    });
    expect((await service.app.inject({ url: '/health' })).json()).toEqual({ status: 'ok' });
  });
});

describe('/metrics', () => {
  test('counts requests by route template, so that ids do not make new series', async () => {
    await using service = await bank({ metrics: new PrometheusMeter() });
    for (const id of ['a', 'b', 'c']) await service.app.inject({ url: `/api/v1/accounts/${id}` });
    await service.app.inject({ url: '/nowhere/at/all' });
    const page = await service.app.inject({ url: '/metrics' });
    expect(page.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(page.body).toContain(
      'http_request_duration_seconds_count{method="GET",route="/api/v1/accounts/:accountNumber",status="404"} 3',
    );
    expect(page.body).toContain('route="none",status="404"} 1');
    expect(page.body).toContain('process_cpu_seconds_total');
    expect(page.body).not.toContain('/nowhere');
  });

  test('is not there when there is nothing to show', async () => {
    await using service = await bank();
    expect((await service.app.inject({ url: '/metrics' })).statusCode).toBe(404);
  });
});

describe('the line on start', () => {
  test('names the host as given and the port that was got', async () => {
    const { line, url } = await startLine('127.0.0.1');
    expect(line).toBe(`listening on ${url}`);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
  });

  test('puts an IPv6 host in brackets', async (context) => {
    try {
      expect((await startLine('::1')).url).toMatch(/^http:\/\/\[::1\]:[1-9]\d*$/);
    } catch (error) {
      if (!String(error).includes('no such address')) throw error;
      context.skip('this machine has no IPv6');
    }
  });
});

async function startLine(host: string): Promise<{ line: string | undefined; url: string }> {
  const lines: string[] = [];
  const logger = {
    debug: () => {},
    info: (message: string) => void lines.push(message),
    warn: () => {},
    error: () => {},
    child: () => logger,
  };
  await using service = await createHttpService({ name: 'x', version: '1', logger });
  const url = await service.listen({ host, port: 0 });
  return { line: lines.find((message) => message.startsWith('listening')), url };
}
