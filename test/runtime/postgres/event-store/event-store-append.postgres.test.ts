import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type AppendRequest, ConcurrencyConflictError } from 'potter-runtime/event-store';
import { type NewEvent, type RecordedEvent, type StreamId, streamId } from 'potter-runtime/events';
import type { Span, Tracer } from 'potter-runtime/observability';
import { inTransaction, PostgresEventStore } from 'potter-runtime/postgres';
import { CuttingPool } from '../../../support/cutting-pool.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { isFullRun } from '../../../support/full-run.ts';
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

const event = (n: number): NewEvent => ({ type: 'Counted', data: { n } });

async function eventsOf(stream: StreamId, from: bigint): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const recorded of store.readStream(stream, { from })) events.push(recorded);
  return events;
}

async function versionsOf(stream: `${string}:${string}`): Promise<readonly bigint[]> {
  const versions: bigint[] = [];
  for await (const { version } of store.readStream(stream)) versions.push(version);
  return versions;
}

describe('appends that share a statement', () => {
  test('a conflict fails only its own append', async () => {
    const meter = new RecordingMeter();
    const metered = new PostgresEventStore({
      pool: database.pool,
      meter,
      groupCommit: { lanes: 1 },
    });
    await store.appendToStream(streamId('neighbours', '7'), [event(0)]);
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, n) =>
        metered.appendToStream(streamId('neighbours', String(n)), [event(n)], { expected: 'none' }),
      ),
    );
    const refused = results.flatMap((one, n) =>
      one.status === 'rejected' ? [[n, one.reason]] : [],
    );
    expect(refused).toEqual([[7, expect.any(ConcurrencyConflictError)]]);
    expect(meter.of('potter_event_append_group_size')).toEqual([40]);
    expect(meter.of('potter_event_append_conflicts_total')).toEqual([1]);
    expect(meter.of('potter_events_appended_total')).toHaveLength(39);
    expect(meter.of('potter_event_append_duration_seconds')).toHaveLength(40);
    await metered.close();
  });

  test('a value that the database refuses fails only its own append', async () => {
    const codec = {
      encode: (value: unknown) =>
        JSON.stringify(value).includes('poison') ? 'not json' : JSON.stringify(value),
      decode: (text: string): unknown => JSON.parse(text),
    };
    const poisoned = new PostgresEventStore({ pool: database.pool, codec });
    const results = await Promise.allSettled(
      ['fine', 'poison', 'good'].map((data, n) =>
        poisoned.appendToStream(streamId('poisoned', String(n)), [{ type: 'Said', data }]),
      ),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'DATABASE_ERROR' } });
    await poisoned.close();
  });

  test('a text that is not JSON, with what separates texts in it, is refused before it gets among others', async () => {
    const codec = {
      encode: (value: unknown) => JSON.stringify(value).replace('~', '\u001F'),
      decode: (text: string): unknown => JSON.parse(text),
    };
    const careless = new PostgresEventStore({ pool: database.pool, codec });
    const results = await Promise.allSettled(
      ['"one"', '"two" ~ "three"', '"four"'].map((data, n) =>
        careless.appendToStream(streamId('separated', String(n)), [{ type: 'Said', data }]),
      ),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'SERIALIZATION_FAILED' } });
    await careless.close();
  });

  test.for([
    ['one event each', (n: number) => [event(n)]],
    [
      'one event each, some with tags',
      (n: number) => [{ ...event(n), tags: n % 2 ? ['odd'] : [] }],
    ],
    ['several events', (n: number) => [event(n), { ...event(n + 0.5), tags: ['a"b', 'c\\d'] }]],
  ] as const)(
    'keep their order in positions and get their own answers: %s',
    async ([name, make]) => {
      const lane = new PostgresEventStore({ pool: database.pool, groupCommit: { lanes: 1 } });
      // Streams are locked in the order of their names, which is not that of the appends.
      const streams = [7, 3, 11, 1, 5, 2].map((n) => streamId(name, String(n).padStart(2, '0')));
      await lane.appendToStream(streams[2] ?? 'x:1', make(99));
      const results = await Promise.all(
        streams.map((stream, n) => lane.appendToStream(stream, make(n))),
      );
      const positions = results.flatMap(({ events }) => events.map(({ position }) => position));
      expect(positions).toEqual(positions.toSorted((a, b) => Number(a - b)));
      for (const { stream, events, version } of results) {
        expect(version).toBe(BigInt(events.length * (stream === streams[2] ? 2 : 1)));
        const from = version - BigInt(events.length) + 1n;
        expect(await eventsOf(stream, from)).toEqual(events);
      }
      await lane.close();
    },
  );

  test('a stream that a long transaction has locked does not hold up the others', async () => {
    const locked = streamId('locked', '1');
    await store.appendToStream(locked, [event(1)]);
    let waiting: Promise<unknown> = Promise.resolve();
    await inTransaction(database.pool, async (transaction) => {
      await store.appendToStream(locked, [event(2)], { transaction });
      waiting = Promise.all([
        store.appendToStream(locked, [event(3)]),
        store.appendToStream(locked, [event(4)]),
      ]);
      // Were they held up, this transaction would never end: it waits for them.
      await Promise.all(
        Array.from({ length: 30 }, (_, n) =>
          store.appendToStream(streamId('unlocked', String(n)), [event(n)]),
        ),
      );
      expect(await versionsOf(locked)).toEqual([1n]);
    });
    await waiting;
    expect(await versionsOf(locked)).toEqual([1n, 2n, 3n, 4n]);
  });

  test('an id that another append takes at the same moment is refused, whatever stream it goes to', async () => {
    for (let round = 0; round < 20; round += 1) {
      const id = crypto.randomUUID();
      const results = await Promise.allSettled(
        ['a', 'b', 'c'].map((name) =>
          store.appendToStream(streamId('same-id', `${name}${round}`), [{ ...event(1), id }]),
        ),
      );
      const refused = results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
      expect(refused).toHaveLength(2);
      for (const error of refused) expect(error).toMatchObject({ code: 'EVENT_ID_CONFLICT' });
    }
  });
});

describe('expectations under concurrency', () => {
  test(
    'one of 8 concurrent writers creates a stream, every time',
    { timeout: 600_000 },
    async () => {
      const rounds = isFullRun ? 1_000 : 150;
      const other = new PostgresEventStore({ pool: database.pool, groupCommit: false });
      for (let round = 0; round < rounds; round += 1) {
        const stream = streamId('once', String(round));
        const settled = await Promise.allSettled(
          Array.from({ length: 8 }, (_, n) =>
            (n % 2 === 0 ? store : other).appendToStream(stream, [event(n)], { expected: 'none' }),
          ),
        );
        expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      }
      const { rows } = await database.pool.query(
        `select count(*)::int as events, count(distinct stream_id)::int as streams
         from potter.events where stream_id like 'once:%'`,
      );
      expect(rows).toEqual([{ events: rounds, streams: rounds }]);
      await other.close();
    },
  );

  test('two processes that append to the same streams in different orders do not deadlock', async () => {
    const stores = [store, new PostgresEventStore({ pool: database.pool })] as const;
    const streams = Array.from({ length: 12 }, (_, n) => streamId('tangle', String(n)));
    const appends = Array.from({ length: 200 }, (_, n) => {
      const writes = [n, n * 5 + 1, n * 7 + 2].map(
        (index) => streams[index % 12] ?? streamId('tangle', 'x'),
      );
      return (stores[n % 2] ?? store).append({
        writes: [...new Set(writes)].map((stream) => ({
          stream,
          expected: 'any',
          events: [event(n)],
        })),
      });
    });
    const singles = Array.from({ length: 200 }, (_, n) =>
      (stores[n % 2] ?? store).appendToStream(streams[n % 12] ?? streamId('tangle', 'x'), [
        event(n),
      ]),
    );
    await Promise.all([...appends, ...singles]);
    for (const stream of streams) {
      const versions = await versionsOf(stream);
      expect(versions).toEqual(versions.map((_, index) => BigInt(index + 1)));
    }
    await stores[1].close();
  });

  test('positions and versions beyond 2^53 survive', async () => {
    await using far = await createTestDatabase({ components: ['event-store'] });
    const first = 2n ** 53n + 1n;
    await far.pool.query(`alter sequence potter.events_position_seq restart with ${first}`);
    await far.pool.query('insert into potter.streams (stream_id, version) values ($1, $2)', [
      'far:1',
      first.toString(),
    ]);
    const distant = new PostgresEventStore({ pool: far.pool });
    const result = await distant.appendToStream('far:1', [event(1), event(2)], { expected: first });
    expect(result.events.map(({ version, position }) => [version, position])).toEqual([
      [first + 1n, first],
      [first + 2n, first + 1n],
    ]);
    for await (const batch of distant.subscribe({ after: first })) {
      expect(batch.events.map(({ position }) => position)).toEqual([first + 1n]);
      expect(batch.position).toBe(first + 1n);
      break;
    }
    await distant.close();
  });
});

describe('observability', () => {
  test('an append is a span whose trace its events carry', async () => {
    const spans: string[] = [];
    const context = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' };
    const span: Span = { setAttribute: () => {}, recordError: () => {}, context: () => context };
    const tracer: Tracer = {
      current: () => undefined,
      span: (name, _options, work) => {
        spans.push(name);
        return work(span);
      },
    };
    const traced = new PostgresEventStore({ pool: database.pool, tracer });
    const { events } = await traced.appendToStream(streamId('traced', '1'), [event(1)]);
    expect(spans).toEqual(['event-store append']);
    expect(events[0]?.metadata).toEqual(context);
    await traced.close();
  });
});

test('appends whose connection breaks are not made again, for they may have been made: each caller is told', async () => {
  await using pool = new CuttingPool(database.url);
  const unlucky = new PostgresEventStore({ pool });
  for (const [point, written] of [
    [1, []],
    [2, [1n]],
  ] as const) {
    const streams = ['a', 'b'].map((name) => streamId('cut', `${name}-${point}`));
    pool.cutNext(point);
    const appends = streams.map((stream) => unlucky.appendToStream(stream, [event(1)]));
    for (const result of await Promise.allSettled(appends)) {
      expect(result).toMatchObject({ reason: { code: 'DATABASE_UNAVAILABLE' } });
    }
    pool.cutNext(0);
    for (const stream of streams) expect(await versionsOf(stream)).toEqual(written);
  }
  await unlucky.close();
});

describe('several streams together', () => {
  const others: readonly [string, (other: StreamId) => Partial<AppendRequest>][] = [
    [
      'is written too',
      (other) => ({ writes: [{ stream: other, expected: 1n, events: [event(9)] }] }),
    ],
    ['is only checked', (other) => ({ checks: [{ stream: other, expected: 1n }] })],
  ];
  test.for(others)(
    'are compared when whoever is writing one of them has committed: it %s',
    async ([name, rest]) => {
      const [stream, other] = [streamId('together', name), streamId('together-other', name)];
      await store.appendToStream(other, [event(1)]);
      const { writes = [], ...checks } = rest(other);
      const request = {
        writes: [{ stream, expected: 'any' as const, events: [event(1)] }, ...writes],
        ...checks,
      };
      let appending: Promise<unknown> = Promise.resolve();
      await inTransaction(database.pool, async (transaction) => {
        await store.appendToStream(other, [event(2)], { transaction });
        appending = store.append(request).then(
          () => 'appended',
          (error: unknown) => error,
        );
        // It waits for the lock of the stream; whoever did not would be done.
        await Promise.race([appending, vi.waitFor(isSomebodyWaiting, 30_000)]);
      });
      expect(await appending).toMatchObject({ stream: other, expected: 1n, actual: 2n });
      expect(await versionsOf(stream)).toEqual([]);
    },
  );
});

describe('ids that somebody is appending at this moment', () => {
  test.for([['in a group', {}] as const, ['alone', { groupCommit: false }] as const])(
    'are a repetition for whoever comes second, %s',
    async ([name, options]) => {
      const [one, two] = [options, options].map(
        (each) => new PostgresEventStore({ pool: database.pool, ...each }),
      );
      if (one === undefined || two === undefined) throw new TypeError('there are two');
      for (let round = 0; round < 20; round += 1) {
        const stream = streamId('raced', `${name}-${round}`);
        const batch = [{ ...event(round), id: crypto.randomUUID() }];
        const [a, b] = await Promise.all(
          [one, two].map((each) => each.appendToStream(stream, batch, { expected: 'none' })),
        );
        expect(a?.events).toEqual(b?.events);
        expect(a?.alreadyAppended).toBe(b?.alreadyAppended === false);
      }
      await Promise.all([one.close(), two.close()]);
    },
  );

  test('are a repetition also for whoever found its stream locked', async () => {
    const alone = new PostgresEventStore({ pool: database.pool, groupCommit: false });
    for (const second of [alone, store]) {
      const stream = streamId('raced', crypto.randomUUID());
      const batch = [{ ...event(1), id: crypto.randomUUID() }];
      let again: Promise<unknown> = Promise.resolve();
      await inTransaction(database.pool, async (transaction) => {
        await store.appendToStream(stream, batch, { transaction, expected: 'none' });
        again = second.appendToStream(stream, batch, { expected: 'none' });
        await vi.waitFor(isSomebodyWaiting, 30_000);
      });
      expect(await again).toMatchObject({ alreadyAppended: true, version: 1n });
    }
    await alone.close();
  });
});

async function isSomebodyWaiting(): Promise<void> {
  const { rows } = await database.pool.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  );
  expect(rows[0]?.n).toBeGreaterThan(0);
}
