import { once } from 'node:events';
import { connect } from 'node:net';
import { PotterError, Rejection } from 'potter-runtime/errors';
import { problemOf } from 'potter-runtime/http';
import { translatePostgresError } from 'potter-runtime/postgres';
import { describe, expect, test } from 'vitest';
import { deferred } from '../../support/deferred.ts';
import { bank } from './bank.ts';

const DEPOSIT = '/api/v1/accounts/DE-1/deposit';
const json = { 'content-type': 'application/json' };

describe('a request that goes wrong is answered with a problem', () => {
  const cases: readonly [string, object, number, string][] = [
    ['an unknown address', { method: 'GET', url: '/nowhere' }, 404, 'NOT_FOUND'],
    ['an unknown id', { method: 'GET', url: '/api/v1/accounts/none' }, 404, 'ACCOUNT_NOT_FOUND'],
    ['another method', { method: 'DELETE', url: DEPOSIT }, 405, 'METHOD_NOT_ALLOWED'],
    [
      'broken JSON',
      { method: 'POST', url: DEPOSIT, headers: json, payload: '{"a":' },
      400,
      'MALFORMED_JSON',
    ],
    ['no body where one is needed', { method: 'POST', url: DEPOSIT }, 400, 'MALFORMED_JSON'],
    [
      'an empty body where one is needed',
      { method: 'POST', url: DEPOSIT, headers: json, payload: ' ' },
      400,
      'MALFORMED_JSON',
    ],
    [
      'bytes that are not UTF-8',
      { method: 'POST', url: DEPOSIT, headers: json, payload: Buffer.from([0x22, 0xff, 0x22]) },
      400,
      'MALFORMED_JSON',
    ],
    [
      'a key that reaches the prototype',
      { method: 'POST', url: DEPOSIT, headers: json, payload: '{"__proto__":{"a":1}}' },
      400,
      'MALFORMED_JSON',
    ],
    [
      'a constructor that reaches the prototype',
      { method: 'POST', url: DEPOSIT, headers: json, payload: '{"constructor":{"prototype":{}}}' },
      400,
      'MALFORMED_JSON',
    ],
    [
      'another content type',
      { method: 'POST', url: DEPOSIT, headers: { 'content-type': 'text/plain' }, payload: 'x' },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      'another charset',
      {
        method: 'POST',
        url: DEPOSIT,
        headers: { 'content-type': 'application/json; charset=latin1' },
        payload: '{"amountCents":1}',
      },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      'a compressed body',
      {
        method: 'POST',
        url: DEPOSIT,
        headers: { ...json, 'content-encoding': 'gzip' },
        payload: '{"amountCents":1}',
      },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    [
      'a position that has none after it',
      { method: 'GET', url: '/api/v1/events?after=9223372036854775807' },
      422,
      'VALIDATION_FAILED',
    ],
    [
      'a body over 1 MiB',
      {
        method: 'POST',
        url: DEPOSIT,
        headers: json,
        payload: `{"note":"${'x'.repeat(1_048_576)}"}`,
      },
      413,
      'PAYLOAD_TOO_LARGE',
    ],
    [
      'an address that is not percent-encoded',
      { method: 'GET', url: '/api/v1/accounts/%zz' },
      400,
      'BAD_REQUEST',
    ],
    [
      'a refusal by the domain',
      { method: 'POST', url: DEPOSIT, headers: json, payload: '{"amountCents":13}' },
      409,
      'UNLUCKY',
    ],
    ['a defect', { method: 'GET', url: '/api/v1/defect' }, 500, 'INTERNAL_ERROR'],
  ];
  test.each(cases)('%s', async (_name, request, status, code) => {
    await using service = await bank();
    const response = await service.app.inject(request);
    expect(response.statusCode).toBe(status);
    expect(response.headers['content-type']).toBe('application/problem+json');
    const problem = response.json<Record<string, unknown>>();
    expect(problem).toMatchObject({ type: 'about:blank', status, code });
    expect(problem['title']).toBeTypeOf('string');
    expect(problem['detail']).toBeTypeOf('string');
    expect(response.body).not.toMatch(/hunter2|node_modules|\.ts:/);
  });

  test('a method that an address lacks is answered with those it has', async () => {
    await using service = await bank();
    const refused = await service.app.inject({ method: 'PUT', url: DEPOSIT });
    expect(refused.headers['allow']).toBe('POST');
    const asked = await service.app.inject({ method: 'OPTIONS', url: '/health' });
    expect([asked.statusCode, asked.headers['allow']]).toEqual([204, 'GET, HEAD']);
  });

  test('a sender who goes away in the middle of a body is no outage of the database', async () => {
    const errors: unknown[] = [];
    const answered = deferred<number>();
    const logger = {
      debug: () => {},
      info: () => {},
      warn: () => {},
      error: (message: string, fields?: object) => void errors.push([message, fields]),
      child: () => logger,
    };
    await using service = await bank({ logger, translateError: translatePostgresError });
    service.app.addHook('onSend', async (_request, reply) => answered.resolve(reply.statusCode));
    const { hostname, port } = new URL(await service.listen({ port: 0 }));
    const socket = connect(Number(port), hostname);
    const arrived = once(service.app.server, 'request');
    const head = `POST ${DEPOSIT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
    socket.write(`${head}Content-Length: 100\r\n\r\n{"a`);
    await arrived;
    socket.resetAndDestroy();
    expect(await answered.promise).toBe(400);
    expect(errors).toEqual([]);
  });

  test('a defect is logged with its cause under the correlation id that the answer names', async () => {
    const errors: unknown[] = [];
    const logger = {
      debug: () => {},
      info: () => {},
      warn: () => {},
      error: (_message: string, fields?: object) => void errors.push(fields),
      child: () => logger,
    };
    await using service = await bank({ logger });
    const response = await service.app.inject({
      url: '/api/v1/defect',
      headers: { 'x-correlation-id': 'trace-me' },
    });
    expect(response.json()).toMatchObject({ correlationId: 'trace-me' });
    expect(errors).toMatchObject([
      { code: 'INTERNAL_ERROR', error: { message: 'the password is hunter2' } },
    ]);
  });
});

describe('errors become problems by one table', () => {
  const context = { correlationId: 'c-1' };

  test.each([
    ['conflict', 409],
    ['rule', 422],
    ['not-found', 404],
  ] as const)('a refusal of kind %s is %i', (kind, status) => {
    const { problem } = problemOf(
      new Rejection('NO', 'No.', { kind, details: { left: 3n } }),
      context,
    );
    expect(problem).toEqual({
      type: 'about:blank',
      title: problem.title,
      status,
      detail: 'No.',
      code: 'NO',
      details: { left: '3' },
    });
  });

  test('a lost race is a conflict, and a failed precondition for who sent If-Match', () => {
    const race = new PotterError('CONCURRENCY_CONFLICT', { message: 'Stream x is at 3.' });
    expect(problemOf(race, context).problem).toMatchObject({
      status: 409,
      detail: 'Stream x is at 3.',
    });
    const conditional = problemOf(race, { ...context, conditional: true }).problem;
    expect(conditional).toMatchObject({ status: 412, code: 'PRECONDITION_FAILED' });
  });

  test.each(['DATABASE_UNAVAILABLE', 'REMOTE_UNAVAILABLE'] as const)(
    'an outage asks for another try and names neither host nor table: %s',
    (code) => {
      const outage = new PotterError(code, { message: 'No connection to db-7:5432.' });
      const { problem, headers } = problemOf(outage, context);
      expect(problem.status).toBe(503);
      expect(headers).toEqual({ 'retry-after': '2' });
      expect(JSON.stringify(problem)).not.toContain('db-7');
    },
  );

  test('a value that the database cannot hold is the sender’s mistake', () => {
    const details = { sqlState: '22003' };
    const error = new PotterError('DATABASE_ERROR', { message: 'numeric field overflow', details });
    expect(problemOf(error, context).problem).toMatchObject({
      status: 422,
      code: 'VALIDATION_FAILED',
    });
  });

  test.each([undefined, null, 'text', 7, { statusCode: 'x' }, new Error('secret')])(
    'anything else (%s) is an internal error that tells nothing',
    (thrown) => {
      const { problem } = problemOf(thrown, context);
      expect(problem).toMatchObject({ status: 500, code: 'INTERNAL_ERROR', correlationId: 'c-1' });
      expect(JSON.stringify(problem)).not.toContain('secret');
    },
  );

  test('details that JSON cannot carry do not cost the answer', () => {
    const details: Record<string, unknown> = {};
    details['self'] = details;
    expect(
      problemOf(new Rejection('NO', 'No.', { details }), context).problem.details,
    ).toBeUndefined();
  });
});

test('every broken rule is told in words, and of more than ten how many more there are', async () => {
  await using service = await bank();
  const detailOf = async (payload: object): Promise<string> => {
    const request = { method: 'POST', url: DEPOSIT, headers: json, payload } as const;
    return (await service.app.inject(request)).json<{ detail: string }>().detail;
  };
  const two = await detailOf({ amountCents: 0, extra: 1 });
  expect(two).toContain("'/amountCents' of the body must be >= 1.");
  expect(two).toContain("'/extra' of the body is not a field of this request.");
  expect(two).not.toMatch(/more error/);
  const wrong = Array.from({ length: 12 }, () => ({ sku: 1, count: 1 }));
  expect(await detailOf({ amountCents: 1, lines: wrong.slice(1) })).toMatch(
    / There is 1 more error\.$/,
  );
  expect(await detailOf({ amountCents: 1, lines: wrong })).toMatch(/ There are 2 more errors\.$/);
});

test('a name that would reach a prototype is not called broken JSON: the answer says what is wrong', async () => {
  await using service = await bank();
  for (const payload of [
    '{"amountCents":1,"__proto__":{"a":1}}',
    '{"constructor":{"prototype":{}}}',
  ]) {
    const answer = await service.app.inject({
      method: 'POST',
      url: DEPOSIT,
      headers: json,
      payload,
    });
    expect(answer.json().detail).toMatch(/^The body has a field `__proto__` or /);
  }
  const cut = '{"__proto__":{"a":1}';
  const answer = await service.app.inject({
    method: 'POST',
    url: DEPOSIT,
    headers: json,
    payload: cut,
  });
  expect(answer.json().detail).toMatch(/^The body is not JSON: /);
});
