import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { isPotterError } from 'potter-runtime/errors';
import type { RecordedEvent } from 'potter-runtime/events';
import { streamId } from 'potter-runtime/events';
import { silentLogger, type LogFields } from 'potter-runtime/foundation';
import { inTransaction, PostgresEventStore, toBePrepared } from 'potter-runtime/postgres';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { deferred } from '../../../support/deferred.ts';
import { isFullRun } from '../../../support/full-run.ts';
import { questionsTooMany } from '../../../support/idle.ts';
import { bareStatements, quickest } from '../../../support/quickest.ts';
import { RecordingMeter } from '../../../support/recording-meter.ts';

let database: TestDatabase;
let store: PostgresEventStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['event-store'] });
  store = new PostgresEventStore({ pool: database.pool });
});

afterAll(async () => {
  await store.close();
  await database.close();
});

const event = (n: number) => ({ type: 'Counted', data: { n } });

/** Follows from a position until `count` events came. `waiting` settles when it has seen all that was there. */
function follow(
  after: bigint,
  count: number,
  from = store,
): { readonly events: Promise<readonly RecordedEvent[]>; readonly waiting: Promise<void> } {
  const waiting = deferred();
  const events = (async () => {
    const seen: RecordedEvent[] = [];
    for await (const batch of from.subscribe({ after })) {
      seen.push(...batch.events);
      if (seen.length >= count) break;
      if (batch.caughtUp) waiting.resolve();
    }
    return seen;
  })();
  return { events, waiting: waiting.promise };
}

async function lastPosition(): Promise<bigint> {
  const { rows } = await database.pool.query<{ last: string }>(
    'select coalesce(max(position), 0)::text as last from potter.events',
  );
  return BigInt(rows[0]?.last ?? 0);
}

async function storedAfter(after: bigint): Promise<readonly bigint[]> {
  const { rows } = await database.pool.query<{ position: string }>(
    'select position::text from potter.events where position > $1 order by events.position',
    [after.toString()],
  );
  return rows.map(({ position }) => BigInt(position));
}

const positions = (events: readonly RecordedEvent[]): readonly bigint[] =>
  events.map(({ position }) => position);

const ROLLED_BACK = new Error('rolled back');

/** Appends in transactions that dawdle before they end, and of which some are rolled back. */
async function dawdlingWriter(writer: number, events: number): Promise<void> {
  for (let n = 0; n < events; n += 1) {
    const kind = Math.random();
    if (kind < 0.3) {
      await store.appendToStream(streamId('dawdle', `grouped-${writer}`), [event(n)]);
      continue;
    }
    const work = inTransaction(database.pool, async (transaction) => {
      // Some take a transaction id long before they draw a position.
      if (kind < 0.5) await transaction.query({ text: 'select pg_current_xact_id()' });
      await store.appendToStream(streamId('dawdle', `${writer}-${n % 7}`), [event(n)], {
        transaction,
      });
      if (kind > 0.6) await delay(Math.random() * 4);
      if (kind > 0.79) throw ROLLED_BACK;
    });
    await work.catch((error: unknown) => {
      if (error !== ROLLED_BACK) throw error;
    });
  }
}

describe('a subscription', () => {
  test(
    'sees every committed event of 8 writers exactly once and in order, while 15 % and more roll back',
    { timeout: 900_000 },
    async () => {
      const eachWriter = isFullRun ? 10_000 : 250;
      const before = await lastPosition();
      const stop = new AbortController();
      const seen: RecordedEvent[] = [];
      const fromStart = (async () => {
        for await (const batch of store.subscribe({ after: before, signal: stop.signal })) {
          seen.push(...batch.events);
        }
      })();
      const writing = Promise.all(
        Array.from({ length: 8 }, (_, writer) => dawdlingWriter(writer, eachWriter)),
      );
      // Another one begins in the midst of it, at any event that the first has seen.
      const begun = Math.ceil(Math.random() * eachWriter * 4);
      await vi.waitFor(() => expect(seen.length).toBeGreaterThan(begun), {
        timeout: 600_000,
        interval: 1,
      });
      const checkpoint = seen[Math.floor(Math.random() * seen.length)]?.position ?? 0n;
      const later: RecordedEvent[] = [];
      const fromCheckpoint = (async () => {
        for await (const batch of store.subscribe({ after: checkpoint, signal: stop.signal })) {
          later.push(...batch.events);
        }
      })();
      await writing;
      const stored = await storedAfter(before);
      const storedLater = stored.filter((position) => position > checkpoint);
      await vi.waitFor(() => {
        expect(seen.length).toBeGreaterThanOrEqual(stored.length);
        expect(later.length).toBeGreaterThanOrEqual(storedLater.length);
      }, 30_000);
      stop.abort();
      await Promise.all([fromStart, fromCheckpoint]);
      expect(positions(seen)).toEqual(stored);
      expect(positions(later)).toEqual(storedLater);
      const rolledBack = 1 - stored.length / (8 * eachWriter);
      expect(rolledBack).toBeGreaterThan(0.15);
    },
  );

  test(
    'does not wait for a transaction that has nothing to do with the events',
    { timeout: 120_000 },
    async () => {
      await database.pool.query('create table if not exists unrelated (id int)');
      const appends = isFullRun ? 1_500 : 250;
      const growth = await quickest(250, async () => {
        const quiet = await deliveryLags(appends);
        const connection = await database.pool.connect();
        await connection.query('begin');
        await connection.query('insert into unrelated values (1)');
        const disturbed = await deliveryLags(appends);
        await connection.query('rollback');
        connection.release();
        return percentile(disturbed, 0.99) - percentile(quiet, 0.99);
      });
      expect(growth).toBeLessThan(250);
    },
  );

  test('waits for an append in a long transaction, says who holds it up, and delivers in order', async () => {
    const warnings: LogFields[] = [];
    const logger = {
      ...silentLogger,
      warn: (_: string, fields?: LogFields) => warnings.push(fields ?? {}),
    };
    const meter = new RecordingMeter();
    const reporting = new PostgresEventStore({
      pool: database.pool,
      logger,
      meter,
      reportBlockedAfter: 50,
    });
    const before = await lastPosition();
    const following = follow(before, 2, reporting);
    let pid = 0;
    await inTransaction(database.pool, async (transaction) => {
      await transaction.query({ text: "set local application_name = 'slow import'" });
      await store.appendToStream(streamId('long', 'inside'), [event(1)], { transaction });
      const { rows } = await transaction.query<{ pid: number }>({
        text: 'select pg_backend_pid() as pid',
      });
      pid = rows[0]?.pid ?? 0;
      await store.appendToStream(streamId('long', 'outside'), [event(2)]);
      await vi.waitFor(() => expect(warnings.length).toBeGreaterThan(0), 30_000);
      const [blocker] = await store.blockedBy();
      expect(blocker).toMatchObject({
        pid,
        state: 'idle in transaction',
        application: 'slow import',
      });
      expect(blocker?.ageMs).toBeGreaterThanOrEqual(50);
    });
    const events = await following.events;
    expect(events.map(({ streamId: stream }) => stream)).toEqual(['long:inside', 'long:outside']);
    expect(warnings[0]).toMatchObject({ blockedBy: [expect.objectContaining({ pid })] });
    // In seconds: the wait was longer than it takes to report it, and so was the lag of the event it was for.
    expect(meter.of('potter_event_barrier_wait_seconds').at(-1)).toBeGreaterThanOrEqual(0.05);
    expect(meter.of('potter_event_delivery_lag_seconds')[0]).toBeGreaterThanOrEqual(0.05);
    await reporting.close();
  });

  test('waits for an event in a prepared transaction, which no process holds', async () => {
    const before = await lastPosition();
    const delivered: string[] = [];
    const reports: LogFields[] = [];
    const logger = {
      ...silentLogger,
      warn: (_: string, fields?: LogFields) => reports.push(fields ?? {}),
    };
    const reporting = new PostgresEventStore({
      pool: database.pool,
      logger,
      reportBlockedAfter: 1,
    });
    /** Until the subscription has said that it waits for a transaction in this state. */
    const untilHeldUpBy = (state: string): Promise<void> =>
      vi.waitFor(() => expect(reports.at(-1)).toMatchObject({ blockedBy: [{ state }] }), 30_000);
    const stop = new AbortController();
    const following = (async () => {
      for await (const batch of reporting.subscribe({ after: before, signal: stop.signal })) {
        delivered.push(...batch.events.map(({ type }) => type));
      }
    })();
    const connection = await database.pool.connect();
    await connection.query('begin');
    await toBePrepared(connection, () =>
      store.appendToStream(streamId('prepared', '1'), [{ type: 'Prepared', data: {} }], {
        transaction: connection,
      }),
    );
    await store.appendToStream(streamId('prepared', 'outside'), [event(2)]);
    // The subscription has met the gap and waits for the transaction under the name it had before.
    await untilHeldUpBy('idle in transaction');
    await connection.query("prepare transaction 'in-doubt'");
    connection.release();
    await untilHeldUpBy('prepared');
    expect(delivered).toEqual([]);
    expect(await store.blockedBy()).toMatchObject([{ pid: undefined, state: 'prepared' }]);
    await database.pool.query("commit prepared 'in-doubt'");
    await vi.waitFor(() => expect(delivered).toEqual(['Prepared', 'Counted']), 30_000);
    stop.abort();
    await following;
    await reporting.close();
  });

  test('delivers within 20 ms of the commit in the middle, woken by the notification', async () => {
    const median = await quickest(20, async () => {
      const lags = await deliveryLags(200);
      return percentile(lags, 0.5) - (await bareStatements(database.pool));
    });
    expect(median).toBeLessThan(20);
  });

  test('finds events whose notification was lost, by looking once a second', async () => {
    let round = 0;
    const tookMs = await quickest(1_500, async () => {
      const stream = `silent:${(round += 1)}`;
      const following = follow(await lastPosition(), 1);
      await following.waiting;
      await database.pool.query(
        `with stream as (insert into potter.streams (stream_id, version) values ($1, 1))
         insert into potter.events (stream_id, version, event_id, type, data, metadata)
         values ($1, 1, gen_random_uuid(), 'Silent', '{}', '{}')`,
        [stream],
      );
      const insertedAt = performance.now();
      expect((await following.events)[0]?.type).toBe('Silent');
      return performance.now() - insertedAt;
    });
    expect(tookMs).toBeLessThan(1_500);
  });

  test('survives the loss of its listening connection and of all others', async () => {
    const before = await lastPosition();
    const following = follow(before, 2);
    await following.waiting;
    await store.appendToStream(streamId('survivor', '1'), [event(1)]);
    await database.killConnections();
    await appendUntilItWorks(streamId('survivor', '1'), 2);
    const events = await following.events;
    expect(events.map(({ data }) => data)).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test('asks the database at most once a second when nothing happens', async () => {
    const stop = new AbortController();
    let end = false;
    const idle = (async () => {
      const options = { after: await lastPosition(), signal: stop.signal };
      for await (const batch of store.subscribe(options)) end ||= batch.caughtUp;
    })();
    await vi.waitFor(() => expect(end).toBe(true), 30_000);
    const queries = vi.spyOn(database.pool, 'query');
    const tooMany = await questionsTooMany(() => queries.mock.calls.length);
    queries.mockRestore();
    expect(tooMany).toBeLessThan(1);
    stop.abort();
    await idle;
  });

  test('ends when the store is closed', async () => {
    const closing = new PostgresEventStore({ pool: database.pool });
    const ended = (async () => {
      for await (const batch of closing.subscribe({ after: await lastPosition() })) {
        if (batch.caughtUp) setImmediate(() => void closing.close());
      }
      return 'ended';
    })();
    await expect(ended).resolves.toBe('ended');
    await expect(closing.appendToStream(streamId('closed', '1'), [event(1)])).rejects.toMatchObject(
      {
        code: 'CLOSED',
      },
    );
  });
});

/** Appends every few milliseconds, so many times; the time from each answer to the delivery, in milliseconds. */
async function deliveryLags(appends: number): Promise<readonly number[]> {
  const after = await lastPosition();
  const committed = new Map<string, number>();
  const delivered = new Map<string, number>();
  const stop = new AbortController();
  const following = (async () => {
    for await (const batch of store.subscribe({ after, signal: stop.signal })) {
      for (const { id } of batch.events) delivered.set(id, performance.now());
    }
  })();
  for (let n = 0; n < appends; n += 1) {
    const { events } = await store.appendToStream(streamId('lag', String(n % 50)), [event(n)]);
    committed.set(events[0]?.id ?? '', performance.now());
    await delay(5);
  }
  await vi.waitFor(() => expect(delivered.size).toBe(committed.size), 30_000);
  stop.abort();
  await following;
  return [...committed].map(([id, at]) => Math.max(0, (delivered.get(id) ?? Number.NaN) - at));
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Whether an append happened whose connection was lost is unknown. */
async function appendUntilItWorks(stream: `${string}:${string}`, n: number): Promise<void> {
  const id = crypto.randomUUID();
  for (;;) {
    try {
      await store.appendToStream(stream, [{ ...event(n), id }]);
      return;
    } catch (error) {
      if (!isPotterError(error, 'DATABASE_UNAVAILABLE')) throw error;
      await delay(20);
    }
  }
}
