import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  createPool,
  listen,
  type ManagedPostgresPool,
  type NotificationListener,
} from 'potter-runtime/postgres';
import { simpleRetry } from 'potter-runtime/foundation';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

/** A listener whose calls can be waited for. */
function recorder(): NotificationListener & {
  readonly heard: string[];
  until(condition: (heard: readonly string[]) => boolean): Promise<void>;
} {
  const heard: string[] = [];
  let check: (() => void) | undefined;
  const note = (entry: string): void => {
    heard.push(entry);
    check?.();
  };
  return {
    heard,
    onNotification: (payload) => note(payload),
    onReconnect: () => note('(reconnected)'),
    until: (condition) =>
      new Promise((resolve) => {
        check = () => {
          if (condition(heard)) resolve();
        };
        check();
      }),
  };
}

async function listeningBackends(): Promise<readonly number[]> {
  const { rows } = await database.pool.query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'listeners' ORDER BY pid",
  );
  return rows.map((row) => row.pid);
}

function listenersPool(): ManagedPostgresPool {
  return createPool(database.url, { applicationName: 'listeners', maxConnections: 5 });
}

test('many listeners on many channels share one connection, which ends with the last of them', async () => {
  await using pool = listenersPool();
  const [orders, ordersToo, stock] = [recorder(), recorder(), recorder()];
  const places = await Promise.all([
    listen(pool, 'orders', orders),
    listen(pool, 'orders', ordersToo),
    listen(pool, 'stock', stock),
  ]);
  await database.pool.query("NOTIFY orders, 'first'");
  await database.pool.query("NOTIFY stock, 'second'");
  await stock.until((heard) => heard.length === 1);
  expect([orders.heard, ordersToo.heard, stock.heard]).toEqual([['first'], ['first'], ['second']]);
  expect(await listeningBackends()).toHaveLength(1);

  await Promise.all(places.map((place) => place.close()));
  await vi.waitFor(async () => expect(await listeningBackends()).toEqual([]), 30_000);
});

test('who has closed hears nothing more, the others go on', async () => {
  await using pool = listenersPool();
  const [leaving, staying] = [recorder(), recorder()];
  const place = await listen(pool, 'orders', leaving);
  await using _other = await listen(pool, 'orders', staying);
  await place.close();
  await database.pool.query("NOTIFY orders, 'later'");
  await staying.until((heard) => heard.length === 1);
  expect(leaving.heard).toEqual([]);
});

test('a killed connection comes back, and every listener is told to look for itself', async () => {
  await using pool = listenersPool();
  const [orders, stock] = [recorder(), recorder()];
  const options = { reconnect: simpleRetry({ maxAttempts: 100, delay: 10 }) };
  await using _orders = await listen(pool, 'orders', orders, options);
  await using _stock = await listen(pool, 'stock', stock, options);
  for (let round = 1; round <= 3; round += 1) {
    // One that was ended a moment ago may still be among them.
    await database.pool.query('SELECT pg_terminate_backend(unnest($1::int[]))', [
      await listeningBackends(),
    ]);
    await Promise.all([
      orders.until((heard) => heard.length === round),
      stock.until((heard) => heard.length === round),
    ]);
  }
  await database.pool.query("NOTIFY orders, 'after'");
  await orders.until((heard) => heard.length === 4);
  expect(orders.heard.at(-1)).toBe('after');
  expect(stock.heard).toEqual(['(reconnected)', '(reconnected)', '(reconnected)']);
});

test('a failing listener does not keep the others from hearing', async () => {
  await using pool = listenersPool();
  const sound = recorder();
  const broken: NotificationListener = {
    onNotification: () => {
      throw new Error('listener is broken');
    },
    onReconnect: () => {},
  };
  await using _broken = await listen(pool, 'orders', broken);
  await using _sound = await listen(pool, 'orders', sound);
  await database.pool.query("NOTIFY orders, 'one'");
  await sound.until((heard) => heard.length === 1);
  expect(sound.heard).toEqual(['one']);
});

test('a first connection that fails is the caller’s error', async () => {
  const url = new URL(database.url);
  url.port = '1';
  await using pool = createPool(url.href);
  await expect(listen(pool, 'orders', recorder())).rejects.toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
  });
});

test.each(['Orders', 'a"b', 'x'.repeat(64), ''])('%j is not a channel', async (channel) => {
  await using pool = listenersPool();
  await expect(listen(pool, channel, recorder())).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
});
