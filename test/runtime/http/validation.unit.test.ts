import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import type { ValidationError } from '../../../runtime/src/http/problems/validation-error.ts';
import { validatorCompiler } from '../../../runtime/src/http/requests/validator.ts';
import { bank } from './bank.ts';

const DEPOSIT = '/api/v1/accounts/DE-1/deposit';

interface Answer {
  readonly status: number;
  readonly body: {
    readonly code?: string;
    readonly errors?: readonly { in: string; path: string; message: string }[];
  };
}

async function deposit(payload: unknown, url = DEPOSIT): Promise<Answer> {
  await using service = await bank();
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const headers = { 'content-type': 'application/json' };
  const response = await service.app.inject({ method: 'POST', url, headers, payload: text });
  return { status: response.statusCode, body: response.json() };
}

async function get(url: string): Promise<Answer> {
  await using service = await bank();
  const response = await service.app.inject({ url });
  return { status: response.statusCode, body: response.json() };
}

function paths({ body }: Answer): readonly string[] {
  return (body.errors ?? []).map((error) => `${error.in} ${error.path}`).toSorted();
}

describe('bodies', () => {
  test('everything that is wrong is told at once, each with its place', async () => {
    const lines = [{ sku: 'a', count: 1 }, { sku: 5 }, { sku: 'b', count: 'x', 'a/b~c': 1 }];
    const answer = await deposit({ amountCents: 0, note: 'x'.repeat(101), lines, extra: true });
    expect(answer.status).toBe(422);
    expect(answer.body.code).toBe('VALIDATION_FAILED');
    expect(paths(answer)).toEqual([
      'body /amountCents',
      'body /extra',
      'body /lines/1/count',
      'body /lines/1/sku',
      'body /lines/2/a~1b~0c',
      'body /lines/2/count',
      'body /note',
    ]);
  });

  test('more than eight errors are told too', async () => {
    const lines = Array.from({ length: 20 }, () => ({ sku: 1, count: 1 }));
    expect(paths(await deposit({ amountCents: 1, lines }))).toHaveLength(20);
  });

  test.each([
    [{ reason: 5 }, ['/reason must be string']],
    [{ other: 1 }, ['/other is not a field of this request']],
    [[], [' must be object']],
    [
      { limit: 'x' },
      [
        '/limit must be integer',
        '/limit must be boolean',
        '/limit must be null',
        '/limit must have one of the accepted forms',
      ],
    ],
  ])(
    'that may be left out are told what is wrong with them, and not that they may: %j',
    (body, told) => {
      const schema = Type.Union([
        Type.Object(
          {
            reason: Type.Optional(Type.String()),
            limit: Type.Optional(Type.Union([Type.Integer(), Type.Boolean(), Type.Null()])),
          },
          { additionalProperties: false },
        ),
        Type.Null(),
      ]);
      const check = validatorCompiler({ schema, method: 'POST', url: '/', httpPart: 'body' });
      expect(check(null)).toEqual({ value: null });
      const { error } = check(body) as { readonly error: ValidationError };
      expect(error.errors.map(({ path, message }) => `${path} ${message}`)).toEqual(told);
    },
  );

  test.each([
    ['ship', ['/way must be one of sea, air', '/kind must be order']],
    [5, ['/way must be one of sea, air', '/kind must be string', '/kind must be order']],
  ])('that choose between words are told which: %j', (sent, told) => {
    const schema = Type.Object({
      way: Type.Union([Type.Literal('sea'), Type.Literal('air')]),
      kind: Type.Literal('order'),
    });
    const check = validatorCompiler({ schema, method: 'POST', url: '/', httpPart: 'body' });
    const { error } = check({ way: sent, kind: sent }) as { readonly error: ValidationError };
    expect(error.errors.map(({ path, message }) => `${path} ${message}`)).toEqual(told);
  });

  test.each([
    ['a number as text', { amountCents: '5' }],
    ['a fraction', { amountCents: 1.5 }],
    ['true', { amountCents: true }],
    ['null', { amountCents: null }],
    ['a list', []],
    ['null alone', null],
    ['text alone', 'text'],
  ])('are not coerced: %s', async (_name, payload) => {
    expect((await deposit(JSON.stringify(payload))).status).toBe(422);
  });

  test.each([
    ['{"amountCents":9007199254740993}', 'body /amountCents'],
    ['{"amountCents":1e400}', 'body /amountCents'],
    [String.raw`{"amountCents":1,"note":"a\u0000b"}`, 'body /note'],
    [String.raw`{"amountCents":1,"note":"\ud800"}`, 'body /note'],
    [String.raw`{"amountCents":1,"\u0000":1}`, 'body '],
    [
      `{"amountCents":1,"lines":${'['.repeat(100)}${']'.repeat(100)}}`,
      `body /lines${'/0'.repeat(63)}`,
    ],
  ])('what no store could keep is refused: %s', async (text, place) => {
    const answer = await deposit(text);
    expect(answer.status).toBe(422);
    expect(paths(answer)).toContain(place);
  });

  test('a million brackets are refused, not a stack overflow', async () => {
    const answer = await deposit(`{"lines":${'['.repeat(500_000)}${']'.repeat(500_000)}}`);
    expect([400, 422]).toContain(answer.status);
  });

  test('a byte order mark is no part of the JSON', async () => {
    expect((await deposit('\uFEFF{"amountCents":1}')).status).toBe(200);
  });
});

describe('addresses and queries', () => {
  test('a misspelt parameter is refused: it would be dropped, and everything be found', async () => {
    const answer = await get('/api/v1/events?limits=3');
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([
      { in: 'query', path: '/limits', message: 'is not a field of this request' },
    ]);
  });

  test('take the types and defaults of their schema', async () => {
    expect((await get('/api/v1/events?limit=3&type=a&live=true&after=5')).body).toEqual({
      limit: 3,
      type: ['a'],
      live: true,
      after: '5',
    });
    expect((await get('/api/v1/events?type=a&type=b')).body).toEqual({
      limit: 10,
      type: ['a', 'b'],
      live: false,
      after: 'start',
    });
  });

  test.each([
    'limit=0x10',
    'limit=1e2',
    'limit=',
    'limit=%20 5',
    'limit=0',
    'limit=1001',
    'limit=9007199254740993',
    'limit=1&limit=2',
    'live=yes',
    'after=-1',
    'after=9223372036854775808',
    'after=x',
  ])('refuse %s', async (query) => {
    const answer = await get(`/api/v1/events?${query}`);
    expect(answer.status).toBe(422);
    expect(answer.body.errors?.[0]?.in).toBe('query');
  });

  test.each([
    '2026-13-01T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '2026-01-01T23:59:60Z',
    '0000-01-01T00:00:00Z',
    '2026-01-01',
    '2026-01-01T00:00:00',
    'now',
    '',
  ])('refuse %s as a time', async (at) => {
    const answer = await get(`/api/v1/accounts/DE-1?at=${encodeURIComponent(at)}`);
    expect([answer.status, paths(answer)]).toEqual([422, ['query /at']]);
  });

  test('take a time with an offset', async () => {
    const answer = await get(
      `/api/v1/accounts/DE-1?at=${encodeURIComponent('2026-01-01T00:00:00.123+02:00')}`,
    );
    expect(answer.body.code).toBe('ACCOUNT_NOT_FOUND');
  });

  test('refuse characters that no store could keep', async () => {
    expect(paths(await get('/api/v1/accounts/a%00b'))).toEqual(['path /accountNumber']);
    expect(paths(await get('/api/v1/events?type=%00'))).toEqual(['query /type']);
  });

  test('refuse an id that is longer than its schema allows', async () => {
    expect(paths(await get(`/api/v1/accounts/${'x'.repeat(300)}`))).toEqual([
      'path /accountNumber',
    ]);
  });
});
