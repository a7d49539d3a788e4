import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { effectsOf, isAllOrNothing, placeOrder, settled } from '../support/orders.ts';
import { startService } from '../support/service.ts';

let database: TestDatabase;
let environment: Record<string, string>;

beforeAll(async () => {
  database = await createTestDatabase();
  environment = { DATABASE_URL: database.url, LOG_LEVEL: 'info' };
  // Enough for every test here; scarcity has a test elsewhere.
  await database.pool.query({
    text: `UPDATE stock SET available = 100000 WHERE product_id = 'product-1'`,
  });
});

afterAll(async () => database?.[Symbol.asyncDispose]());

const KINDS = [
  {},
  { paymentToken: 'flaky' },
  { paymentToken: 'declined' },
  { shippingCountry: 'AQ' },
];

async function expectAllOrNothing(
  api: Parameters<typeof settled>[0],
  sagaIds: readonly string[],
): Promise<void> {
  const { rows } = await database.pool.query<{ available: number; reserved: number }>({
    text: `SELECT available, reserved FROM stock WHERE product_id = 'product-1'`,
  });
  expect((rows[0]?.available ?? 0) + (rows[0]?.reserved ?? 0)).toBe(100_000);
  for (const sagaId of sagaIds) {
    const saga = await settled(api, sagaId);
    const effects = await effectsOf(api, sagaId);
    expect({ saga: saga.status, effects, whole: isAllOrNothing(saga, effects) }).toMatchObject({
      saga: expect.stringMatching(/^(completed|compensated)$/),
      whole: true,
    });
  }
}

test('orders accepted before kill -9 are fulfilled or undone by the next process, each effect once', async () => {
  const first = await startService(environment);
  const orders = await Promise.all(
    Array.from({ length: 40 }, (_, at) => placeOrder(first.api, KINDS[at % KINDS.length])),
  );
  await first.kill();
  await using second = await startService(environment);
  await expectAllOrNothing(
    second.api,
    orders.map(({ sagaId }) => sagaId),
  );
});

test('two processes share the work; when one is killed the other finishes it', async () => {
  await using left = await startService(environment);
  const right = await startService(environment);
  const orders = await Promise.all(
    Array.from({ length: 40 }, (_, at) =>
      placeOrder(at % 2 === 0 ? left.api : right.api, KINDS[at % 3]),
    ),
  );
  await right.kill();
  await expectAllOrNothing(
    left.api,
    orders.map(({ sagaId }) => sagaId),
  );
});

test('SIGTERM hands running sagas back: the next process goes on at once', async () => {
  const first = await startService(environment);
  const orders = await Promise.all(
    Array.from({ length: 20 }, () => placeOrder(first.api, { paymentToken: 'flaky' })),
  );
  expect(await first.stop()).toBe(0);
  await using second = await startService(environment);
  const began = performance.now();
  await expectAllOrNothing(
    second.api,
    orders.map(({ sagaId }) => sagaId),
  );
  // A lease that has to run out would take eight seconds.
  expect(performance.now() - began).toBeLessThan(5_000);
});
