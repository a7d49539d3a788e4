import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger, type LogFields } from 'potter-runtime/foundation';
import {
  inTransaction,
  PostgresSagaFeed,
  PostgresSagaStore,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import type { SagaFeedItem } from 'potter-runtime/sagas';
import { sagaFeedContract } from 'potter-runtime/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { deferred } from '../../../support/deferred.ts';
import { insist } from '../../../support/insist.ts';
import { bareStatements, quickest } from '../../../support/quickest.ts';
import { isFullRun } from '../../../support/full-run.ts';
import { firstCommit, newSaga, registered } from './saga-fixtures.ts';

let database: TestDatabase;
let store: PostgresSagaStore;
let feed: PostgresSagaFeed;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['sagas'] });
  store = new PostgresSagaStore({ pool: database.pool });
  feed = new PostgresSagaFeed({ pool: database.pool });
});

afterAll(async () => {
  await store.close();
  await database.close();
});

/** Follows in the background. */
function follow(after: bigint, from = feed) {
  const stop = new AbortController();
  const waiting = deferred();
  const items: SagaFeedItem[] = [];
  const at: number[] = [];
  const done = (async () => {
    for await (const batch of from.subscribe({ after, signal: stop.signal })) {
      items.push(...batch.items);
      at.push(...batch.items.map(() => performance.now()));
      if (batch.caughtUp) waiting.resolve();
    }
  })();
  return {
    items,
    at,
    /** Settles when it has seen all that was there: it listens by then, and has asked to be told. */
    waiting: waiting.promise,
    until: (count: number) =>
      vi.waitFor(() => expect(items.length).toBeGreaterThanOrEqual(count), {
        timeout: 30_000,
        interval: 2,
      }),
    stop: async () => {
      stop.abort();
      await done;
    },
  };
}

async function storedAfter(after: bigint): Promise<readonly bigint[]> {
  const { rows } = await database.pool.query<{ position: string }>(
    'SELECT position::text FROM potter.saga_journal j WHERE position > $1 ORDER BY j.position',
    [after],
  );
  return rows.map(({ position }) => BigInt(position));
}

const watched = (until: string) =>
  database.pool.query('UPDATE potter.saga_feed SET watched_until = $1', [until]);

const ROLLED_BACK = new Error('rolled back');

describe('feed of the PostgreSQL saga store', () => {
  const rules = sagaFeedContract<PostgresTransaction>(() => ({
    store,
    feed,
    expire: async () => {},
  }));

  test.each(rules)('$name', async ({ run }) => {
    await run();
    expect(rules.length).toBeGreaterThan(5);
  });

  test('every commit is seen once and in order while 8 writers dawdle in transactions and one in five rolls back', async () => {
    const after = await feed.head();
    const follower = follow(after);
    const eachWriter = isFullRun ? 5_000 : 150;
    const writer = async (): Promise<void> => {
      for (let n = 0; n < eachWriter; n += 1) {
        const kind = Math.random();
        if (kind < 0.4) await store.create(newSaga());
        else {
          const dawdling = inTransaction(database.pool, async (transaction) => {
            await store.create(newSaga(), { transaction });
            if (kind > 0.6) await delay(Math.random() * 4);
            if (kind > 0.75) throw ROLLED_BACK;
          });
          await dawdling.catch((error: unknown) => {
            if (error !== ROLLED_BACK) throw error;
          });
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    const stored = await storedAfter(after);
    expect(8 * eachWriter - stored.length).toBeGreaterThan(eachWriter);
    await follower.until(stored.length);
    await follower.stop();
    expect(follower.items.map(({ position }) => position)).toEqual(stored);
    // Again from somewhere in the middle, as after a restart.
    const middle = stored[Math.floor(stored.length / 3)] ?? 0n;
    const rest = stored.filter((position) => position > middle);
    const again = follow(middle);
    await again.until(rest.length);
    await again.stop();
    expect(again.items.map(({ position }) => position)).toEqual(rest);
  }, 600_000);

  test('a start in a long transaction is waited for, and whoever holds up the rest is named', async () => {
    const warnings: LogFields[] = [];
    const logger = {
      ...silentLogger,
      warn: (_: string, fields?: LogFields) => warnings.push(fields ?? {}),
    };
    const reporting = new PostgresSagaFeed({
      pool: database.pool,
      logger,
      reportBlockedAfter: 50,
    });
    const follower = follow(await feed.head(), reporting);
    const [inside, outside] = [newSaga(), newSaga()];
    await inTransaction(database.pool, async (transaction) => {
      await transaction.query({ text: "SET LOCAL application_name = 'slow start'" });
      await store.create(inside, { transaction });
      await store.create(outside);
      await vi.waitFor(() => expect(warnings.length).toBeGreaterThan(0), 30_000);
      expect(follower.items).toEqual([]);
    });
    await follower.until(2);
    await follower.stop();
    expect(follower.items.map(({ sagaId }) => sagaId)).toEqual([inside.sagaId, outside.sagaId]);
    expect(warnings[0]).toMatchObject({
      blockedBy: [expect.objectContaining({ application: 'slow start' })],
    });
  });

  test('a commit reaches a subscriber in less than 20 ms in the middle, from other connections too', async () => {
    const other = new PostgresSagaStore({ pool: database.pool });
    const lease = { workerId: await registered(other), token: 1n };
    const follower = follow(await feed.head());
    let seen = 0;
    const median = await quickest(20, async () => {
      const lags: number[] = [];
      for (let n = 0; n < 30; n += 1) {
        await other.create(newSaga(), { lease });
        const committedAt = performance.now();
        const at = seen;
        seen += 1;
        await follower.until(seen);
        lags.push(Math.max(0, (follower.at[at] ?? Number.NaN) - committedAt));
      }
      const middle = lags.toSorted((a, b) => a - b)[15] ?? Number.NaN;
      return middle - (await bareStatements(database.pool));
    });
    await follower.stop();
    await other.close();
    expect(median).toBeLessThan(20);
  });

  test('a commit inside a transaction of the store, as of a transactional step, wakes a subscriber too', async () => {
    const lease = { workerId: await registered(store), token: 1n };
    const saga = newSaga();
    await store.create(saga, { lease });
    // It would not look by itself within the time of the test.
    const follower = follow(
      await feed.head(),
      new PostgresSagaFeed({ pool: database.pool, pollInterval: '1h' }),
    );
    await follower.waiting;
    await store.transaction(async (transaction) => {
      await store.commit(firstCommit(saga.sagaId, lease), { transaction });
    });
    await follower.until(1);
    expect(follower.items).toMatchObject([{ sagaId: saga.sagaId }]);
    await follower.stop();
  });

  test('while nobody subscribes no commit notifies, and one that was not told of is found by looking', async () => {
    await watched('-infinity');
    const heard: string[] = [];
    const client = await database.pool.connect();
    client.on('notification', ({ channel }) => heard.push(channel));
    await client.query('LISTEN potter_saga_feed');
    const lease = { workerId: await registered(store), token: 1n };
    await store.create(newSaga(), { lease });
    await delay(50);
    await client.query('SELECT 1');
    expect(heard).toEqual([]);
    const looking = new PostgresSagaFeed({ pool: database.pool, pollInterval: 200 });
    const follower = follow(await feed.head(), looking);
    await follower.waiting;
    await store.create(newSaga(), { lease });
    await vi.waitFor(() => expect(heard.length).toBeGreaterThan(0), 30_000);
    await follower.until(1);
    // Somebody takes the mark away: what is committed now is told to nobody.
    await watched('-infinity');
    const before = heard.length;
    await store.create(newSaga(), { lease });
    await follower.until(2);
    expect(heard.length).toBe(before);
    await follower.stop();
    client.release(true);
  });

  test('a subscriber outlives the loss of every connection and misses nothing', async () => {
    const after = await feed.head();
    const follower = follow(after);
    await store.create(newSaga());
    await follower.until(1);
    await database.killConnections();
    const saga = newSaga();
    // The store may notice only now that a connection which it keeps is gone; the start can be repeated.
    await insist(() => store.create(saga));
    await follower.until(2);
    await follower.stop();
    expect(follower.items.map(({ position }) => position)).toEqual(await storedAfter(after));
  });
});
