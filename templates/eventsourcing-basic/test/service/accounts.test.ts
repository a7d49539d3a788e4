import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api } from '../../scripts/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type RunningService, startService } from '../support/service.ts';

interface Account {
  readonly balanceCents: number;
  readonly version: number;
}

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

/** Opens an account of a test's own; gives back its address. */
async function opened(balanceCents = 0): Promise<string> {
  const accountNumber = `DE-${randomUUID()}`;
  await api.post('/api/v1/accounts', { accountNumber, ownerName: 'Ada' });
  const path = `/api/v1/accounts/${accountNumber}`;
  if (balanceCents > 0) await api.post(`${path}/deposit`, { amountCents: balanceCents });
  return path;
}

const numberOf = (path: string): string => path.slice('/api/v1/accounts/'.length);

describe('an account', () => {
  test('is opened, filled, emptied and closed', async () => {
    const accountNumber = `DE-${randomUUID()}`;
    const account = { accountNumber, ownerName: 'Ada Lovelace' };
    const first = await api.post('/api/v1/accounts', account);
    expect(first.status).toBe(201);
    expect(first.headers.get('location')).toBe(`/api/v1/accounts/${accountNumber}`);
    expect(first.headers.get('etag')).toBe('"1"');
    expect(first.body).toEqual({ ...account, status: 'open', balanceCents: 0, version: 1 });

    const path = `/api/v1/accounts/${accountNumber}`;
    const deposited = await api.post<Account>(`${path}/deposit`, { amountCents: 5_000 });
    expect(deposited).toMatchObject({ status: 200, body: { balanceCents: 5_000, version: 2 } });
    const withdrawn = await api.post<Account>(`${path}/withdraw`, { amountCents: 5_000 });
    expect(withdrawn).toMatchObject({ status: 200, body: { balanceCents: 0, version: 3 } });
    expect(await api.post(`${path}/close`)).toMatchObject({
      status: 200,
      body: { status: 'closed', version: 4 },
    });

    const read = await api.get(path);
    expect(read.headers.get('etag')).toBe('"4"');
    expect(read.body).toEqual({ ...account, status: 'closed', balanceCents: 0, version: 4 });
  });

  test('tells what happened to it, page by page', async () => {
    const path = await opened(100);
    await api.post(
      `${path}/withdraw`,
      { amountCents: 30 },
      { 'x-correlation-id': 'from-the-test' },
    );
    const all = await api.get<{ events: object[] }>(`${path}/events`);
    expect(all.body).toMatchObject({
      nextAfter: null,
      events: [
        { type: 'AccountOpened', version: 1, data: { ownerName: 'Ada' } },
        { type: 'MoneyDeposited', version: 2, data: { amountCents: 100 } },
        {
          type: 'MoneyWithdrawn',
          version: 3,
          data: { amountCents: 30 },
          metadata: { correlationId: 'from-the-test' },
          id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          recordedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        },
      ],
    });
    const page = await api.get(`${path}/events?after=1&limit=1`);
    expect(page.body).toMatchObject({ events: [{ version: 2 }], nextAfter: '2' });
    expect(await api.get(`${path}/events?after=3`)).toMatchObject({
      status: 200,
      body: { events: [], nextAfter: null },
    });
  });

  test('can be seen as it was at a version and at a time', async () => {
    const path = await opened(100);
    const { body } = await api.get<{ events: { recordedAt: string }[] }>(`${path}/events`);
    await api.post(`${path}/deposit`, { amountCents: 11 });
    expect((await api.get(`${path}?version=1`)).body).toMatchObject({
      balanceCents: 0,
      version: 1,
    });
    expect((await api.get(`${path}?version=3`)).body).toMatchObject({
      balanceCents: 111,
      version: 3,
    });
    const then = body.events[1]?.recordedAt;
    expect((await api.get(`${path}?at=${then}`)).body).toMatchObject({
      version: expect.toBeOneOf([2, 3]),
    });
    expect(await api.get(`${path}?at=2000-01-01T00:00:00Z`)).toMatchObject({
      status: 404,
      body: { code: 'ACCOUNT_NOT_FOUND' },
    });
    expect(await api.get(`${path}?version=4`)).toMatchObject({
      status: 404,
      body: { code: 'VERSION_NOT_FOUND' },
    });
  });
});

describe('a refusal is a problem document with a stable code', () => {
  test.each([
    [
      '409 ACCOUNT_EXISTS',
      (path: string) =>
        api.post('/api/v1/accounts', { accountNumber: numberOf(path), ownerName: 'Eve' }),
    ],
    [
      '422 INSUFFICIENT_FUNDS',
      (path: string) => api.post(`${path}/withdraw`, { amountCents: 101 }),
    ],
    ['409 BALANCE_NOT_ZERO', (path: string) => api.post(`${path}/close`)],
    ['404 ACCOUNT_NOT_FOUND', () => api.get('/api/v1/accounts/nobody')],
    ['404 ACCOUNT_NOT_FOUND', () => api.get('/api/v1/accounts/nobody/events')],
    [
      '404 ACCOUNT_NOT_FOUND',
      () => api.post('/api/v1/accounts/nobody/deposit', { amountCents: 1 }),
    ],
    [
      '422 SAME_ACCOUNT',
      (path: string) =>
        api.post('/api/v1/transfers', {
          fromAccount: numberOf(path),
          toAccount: numberOf(path),
          amountCents: 1,
        }),
    ],
    [
      '412 PRECONDITION_FAILED',
      (path: string) => api.post(`${path}/deposit`, { amountCents: 1 }, { 'if-match': '"1"' }),
    ],
    ['422 VALIDATION_FAILED', (path: string) => api.post(`${path}/deposit`, { amountCents: -5 })],
    ['422 VALIDATION_FAILED', (path: string) => api.post(`${path}/deposit`, { amountCents: 0.5 })],
    ['422 VALIDATION_FAILED', (path: string) => api.post(`${path}/deposit`, { amountCents: '5' })],
    [
      '422 VALIDATION_FAILED',
      (path: string) => api.post(`${path}/deposit`, { amountCents: 5, amount: 5 }),
    ],
    ['422 VALIDATION_FAILED', (path: string) => api.get(`${path}?at=yesterday`)],
    [
      '422 VALIDATION_FAILED',
      () => api.post('/api/v1/accounts', { accountNumber: 'no blanks', ownerName: 'Ada' }),
    ],
  ])('%s', async (expected, request) => {
    const answer = await request(await opened(100));
    const [status, code] = expected.split(' ');
    expect(answer).toMatchObject({
      status: Number(status),
      body: { status: Number(status), code },
    });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  });

  test('409 ACCOUNT_CLOSED', async () => {
    const path = await opened();
    await api.post(`${path}/close`);
    expect(await api.post(`${path}/deposit`, { amountCents: 1 })).toMatchObject({
      status: 409,
      body: { code: 'ACCOUNT_CLOSED' },
    });
  });
});

describe('concurrency', () => {
  test('a thousand deposits at once are all there', async () => {
    const path = await opened();
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, () => api.post<Account>(`${path}/deposit`, { amountCents: 3 })),
    );
    expect(answers.map(({ status }) => status).filter((status) => status !== 200)).toEqual([]);
    expect((await api.get(path)).body).toMatchObject({ balanceCents: 3_000, version: 1_001 });
  });

  test('of two changes onto the same version one succeeds and one is told', async () => {
    const path = await opened(100);
    const onto = { 'if-match': '"2"' };
    const answers = await Promise.all([
      api.post(`${path}/withdraw`, { amountCents: 100 }, onto),
      api.post(`${path}/withdraw`, { amountCents: 100 }, onto),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
  });

  test('an idempotency key has one effect and one answer, however often it comes at once', async () => {
    const path = await opened();
    const key = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        api.post<Account>(`${path}/deposit`, { amountCents: 7 }, key),
      ),
    );
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect((await api.get(path)).body).toMatchObject({ balanceCents: 7, version: 2 });
    expect(await api.post(`${path}/deposit`, { amountCents: 8 }, key)).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
  });

  test('hundreds of deposits with keys of their own, each sent twice, count once each', async () => {
    const path = await opened();
    const keys = Array.from({ length: 100 }, () => ({ 'idempotency-key': randomUUID() }));
    const answers = await Promise.all(
      [...keys, ...keys].map((key) =>
        api.post<Account>(`${path}/deposit`, { amountCents: 1 }, key),
      ),
    );
    expect(answers.map(({ status }) => status).filter((status) => status !== 200)).toEqual([]);
    expect((await api.get(path)).body).toMatchObject({ balanceCents: 100, version: 101 });
  });
});

describe('a transfer', () => {
  test('moves money and says so on both accounts', async () => {
    const [from, to] = [await opened(100), await opened()];
    const { status, body } = await api.post<{ transferId: string }>('/api/v1/transfers', {
      fromAccount: numberOf(from),
      toAccount: numberOf(to),
      amountCents: 40,
    });
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { amountCents: 40, from: { balanceCents: 60 }, to: { balanceCents: 40 } },
    });
    const { transferId } = body;
    const events = async (path: string) =>
      (await api.get<{ events: object[] }>(`${path}/events`)).body.events.at(-1);
    expect(await events(from)).toMatchObject({ type: 'TransferSent', data: { transferId } });
    expect(await events(to)).toMatchObject({ type: 'TransferReceived', data: { transferId } });
  });

  test('that is refused by one account changes neither', async () => {
    const [from, to] = [await opened(100), await opened()];
    await api.post(`${to}/close`);
    const transfer = { fromAccount: numberOf(from), toAccount: numberOf(to), amountCents: 40 };
    expect(await api.post('/api/v1/transfers', transfer)).toMatchObject({
      body: { code: 'ACCOUNT_CLOSED' },
    });
    expect((await api.get(from)).body).toMatchObject({ balanceCents: 100, version: 2 });
  });

  test('in both directions at once neither makes nor loses money, nor waits for ever', async () => {
    const [left, right] = [await opened(1_000), await opened(1_000)];
    const move = (from: string, to: string) =>
      api.post('/api/v1/transfers', {
        fromAccount: numberOf(from),
        toAccount: numberOf(to),
        amountCents: 1,
      });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? move(left, right) : move(right, left))),
    );
    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused.every(({ status }) => status === 409)).toBe(true);
    const balances = await Promise.all(
      [left, right].map(async (path) => (await api.get<Account>(path)).body),
    );
    expect(balances.reduce((sum, { balanceCents }) => sum + balanceCents, 0)).toBe(2_000);
  });
});

test('a snapshot is taken every hundred events, and the state is the same with and without', async () => {
  const path = await opened();
  for (let made = 0; made < 120; made += 1) await api.post(`${path}/deposit`, { amountCents: 1 });
  const stream = `bank-account:${numberOf(path)}`;
  const count = async (): Promise<number> => {
    const text = 'SELECT count(*)::int AS n FROM potter.snapshots WHERE stream_id = $1';
    return (await database.pool.query<{ n: number }>({ text, values: [stream] })).rows[0]?.n ?? 0;
  };
  await expect.poll(count).toBeGreaterThan(0);
  const withSnapshot = await api.get<Account>(path);
  await database.pool.query({ text: 'DELETE FROM potter.snapshots' });
  expect((await api.get<Account>(path)).body).toEqual(withSnapshot.body);
});
