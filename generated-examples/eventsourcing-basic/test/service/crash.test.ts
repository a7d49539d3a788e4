import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startService } from '../support/service.ts';

let database: TestDatabase;
let environment: Record<string, string>;

beforeAll(async () => {
  database = await createTestDatabase();
  environment = { DATABASE_URL: database.url, LOG_LEVEL: 'info' };
});

afterAll(async () => database?.[Symbol.asyncDispose]());

interface Account {
  readonly balanceCents: number;
  readonly version: number;
}

test('what was answered with 2xx survives kill -9, and a repeated request has one effect', async () => {
  const path = `/api/v1/accounts/${randomUUID()}`;
  const keys = Array.from({ length: 200 }, () => ({ 'idempotency-key': randomUUID() }));
  const first = await startService(environment);
  await first.api.post('/api/v1/accounts', {
    accountNumber: path.split('/').at(-1),
    ownerName: 'Ada',
  });
  const accepted = new Set<string>();
  const sending = keys.map(async (key) => {
    const answer = await first.api.post(`${path}/deposit`, { amountCents: 1 }, key);
    if (answer.status === 200) accepted.add(key['idempotency-key']);
    if (accepted.size === 20) await first.kill();
  });
  await Promise.allSettled(sending);
  expect(accepted.size).toBeGreaterThanOrEqual(20);

  await using second = await startService(environment);
  const survived = (await second.api.get<Account>(path)).body;
  expect(survived.balanceCents).toBeGreaterThanOrEqual(accepted.size);
  for (const key of keys) await second.api.post(`${path}/deposit`, { amountCents: 1 }, key);
  expect((await second.api.get(path)).body).toMatchObject({ balanceCents: 200, version: 201 });
});

test('two processes on one database lose nothing and double nothing', async () => {
  await using left = await startService(environment);
  await using right = await startService(environment);
  const path = `/api/v1/accounts/${randomUUID()}`;
  await left.api.post('/api/v1/accounts', {
    accountNumber: path.split('/').at(-1),
    ownerName: 'Ada',
  });
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, at) =>
      (at % 2 === 0 ? left : right).api.post(`${path}/deposit`, { amountCents: 1 }),
    ),
  );
  const deposited = answers.filter(({ status }) => status === 200).length;
  // A process that lost the race too often says so honestly.
  expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true);
  expect((await right.api.get(path)).body).toMatchObject({ balanceCents: deposited });
});

test('SIGTERM finishes what is in flight and exits with 0', async () => {
  const service = await startService(environment);
  const path = `/api/v1/accounts/${randomUUID()}`;
  await service.api.post('/api/v1/accounts', {
    accountNumber: path.split('/').at(-1),
    ownerName: 'Ada',
  });
  const inFlight = Array.from({ length: 50 }, () =>
    service.api.post(`${path}/deposit`, { amountCents: 1 }),
  );
  await Promise.race(inFlight);
  const exitCode = service.stop();
  const answers = await Promise.allSettled(inFlight);
  expect(await exitCode).toBe(0);
  const deposited = answers.filter(
    (answer) => answer.status === 'fulfilled' && answer.value.status === 200,
  );
  await using next = await startService(environment);
  expect((await next.api.get(path)).body).toMatchObject({ balanceCents: deposited.length });
});
