import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ConcurrencyConflictError } from 'potter-runtime/event-store';
import { type NewEvent, type RecordedEvent, type StreamId, streamId } from 'potter-runtime/events';
import type { Span, Tracer } from 'potter-runtime/observability';
import {
  inTransaction,
  PostgresEventStore,
  type PostgresTransaction,
  preparedTransactionParticipant,
  toBePrepared,
  wakeSubscriptions,
} from 'potter-runtime/postgres';
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
      const startedAt = performance.now();
      await Promise.all(
        Array.from({ length: 30 }, (_, n) =>
          store.appendToStream(streamId('unlocked', String(n)), [event(n)]),
        ),
      );
      expect(performance.now() - startedAt).toBeLessThan(1_000);
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

const deposited = (cents: number): NewEvent => ({ type: 'Deposited', data: { cents } });

const balance = async (): Promise<number> =>
  (await database.pool.query<{ cents: number }>('select cents from balance')).rows[0]?.cents ??
  Number.NaN;

async function prepare(
  gid: string,
  work: (connection: PostgresTransaction) => Promise<unknown>,
): Promise<void> {
  const connection = await database.pool.connect();
  try {
    await connection.query('begin');
    await toBePrepared(connection, () => work(connection));
    await connection.query(`prepare transaction '${gid}'`);
  } finally {
    connection.release();
  }
}

describe('an append in a prepared transaction', () => {
  const appends: readonly [
    string,
    (transaction: PostgresTransaction, stream: StreamId) => Promise<unknown>,
  ][] = [
    [
      'of one stream',
      (transaction, stream) => store.appendToStream(stream, [event(1)], { transaction }),
    ],
    [
      'of several streams, with ids and tags',
      (transaction, stream) =>
        store.append(
          {
            writes: [`${stream}-a` as const, stream].map((one) => ({
              stream: one,
              expected: 'none',
              events: [{ ...event(1), id: crypto.randomUUID(), tags: ['prepared'] }],
            })),
          },
          { transaction },
        ),
    ],
  ];
  test.for(appends)('is seen after COMMIT PREPARED: %s', async ([name, append]) => {
    const stream = streamId('prepared', name);
    await prepare('take', (transaction) => append(transaction, stream));
    expect(await versionsOf(stream)).toEqual([]);
    await database.pool.query("commit prepared 'take'");
    expect(await versionsOf(stream)).toEqual([1n]);
    // The lock of the stream went with it.
    await store.appendToStream(stream, [event(2)], { expected: 1n });
  });

  test.for(appends)('is forgotten after ROLLBACK PREPARED: %s', async ([name, append]) => {
    const stream = streamId('rolled-back', name);
    await prepare('leave', (transaction) => append(transaction, stream));
    await database.pool.query("rollback prepared 'leave'");
    await store.appendToStream(stream, [event(2)], { expected: 'none' });
    expect(await versionsOf(stream)).toEqual([1n]);
  });

  test('on the same connection, a later transaction notifies as ever', async () => {
    // A database of its own: nobody else notifies in it.
    await using quiet = await createTestDatabase({ components: ['event-store'] });
    const listener = await quiet.pool.connect();
    const told = vi.fn<() => void>();
    listener.on('notification', told);
    await listener.query('listen potter_events');
    const connection = await quiet.pool.connect();
    const joining = new PostgresEventStore({ pool: quiet.pool });
    const append = (id: string): Promise<unknown> =>
      joining.appendToStream(streamId('told', id), [event(1)], { transaction: connection });
    await connection.query('begin');
    await toBePrepared(connection, () => append('silent'));
    await connection.query("prepare transaction 'silent'");
    await connection.query("commit prepared 'silent'");
    await listener.query('select 1');
    expect(told).not.toHaveBeenCalled();
    await connection.query('begin');
    await append('aloud');
    await connection.query('commit');
    await vi.waitFor(() => expect(told).toHaveBeenCalledOnce(), 2_000);
    await wakeSubscriptions(connection);
    await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(2), 2_000);
    connection.release();
    await listener.query('unlisten *');
    listener.removeAllListeners('notification');
    listener.release();
    await joining.close();
  });
});

test('the work of a two-phase participant appends events, and subscriptions are woken by the commit', async () => {
  await using own = await createTestDatabase({
    components: ['event-store', 'two-phase-participant'],
  });
  // Nothing but a notification can make it look within the time of the test.
  const events = new PostgresEventStore({ pool: own.pool, pollInterval: '1h' });
  const stream = streamId('warehouse', '1');
  const participant = preparedTransactionParticipant<number, bigint>({
    name: 'warehouse',
    pool: own.pool,
    work: async (transaction, pieces) =>
      (await events.appendToStream(stream, [event(pieces)], { transaction })).version,
  });
  const stop = new AbortController();
  const { signal } = stop;
  const branch = { coordinator: 'tests', transactionId: 'move-1' };
  const seen: unknown[] = [];
  for await (const batch of events.subscribe({ signal })) {
    if (batch.caughtUp && batch.events.length === 0) {
      await participant.prepare(branch, 7, { signal });
      void participant.commit(branch, { signal }).then((version) => seen.push(version));
    }
    if (batch.events.length > 0) {
      seen.push(batch.events[0]?.data);
      break;
    }
  }
  await vi.waitFor(() => expect(seen).toEqual(expect.arrayContaining([1n, { n: 7 }])), 2_000);
  await events.close();
});

describe('inline projections', () => {
  const balances = {
    handles: ['Deposited'],
    async project(events: readonly { data: unknown }[], transaction: { query: PostgresQuery }) {
      for (const { data } of events) {
        const { cents } = data as { readonly cents: number };
        if (cents < 0) throw new Error('no such deposit');
        await transaction.query({ text: 'update balance set cents = cents + $1', values: [cents] });
      }
    },
  };
  type PostgresQuery = (statement: { text: string; values?: unknown[] }) => Promise<unknown>;

  test('are written in the transaction of the append, or neither is', async () => {
    await database.pool.query('create table balance (cents int); insert into balance values (0)');
    const projecting = new PostgresEventStore({
      pool: database.pool,
      inlineProjections: [balances],
    });
    const stream = streamId('inline', '1');
    await Promise.all(
      Array.from({ length: 10 }, () => projecting.appendToStream(stream, [deposited(5)])),
    );
    expect(await balance()).toBe(50);
    await expect(projecting.appendToStream(stream, [deposited(1), deposited(-1)])).rejects.toThrow(
      'no such deposit',
    );
    await expect(
      projecting.appendToStream(stream, [deposited(7)], { expected: 'none' }),
    ).rejects.toBeInstanceOf(ConcurrencyConflictError);
    const rolledBack = inTransaction(database.pool, async (transaction) => {
      await projecting.appendToStream(stream, [deposited(100)], { transaction });
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    expect(await balance()).toBe(50);
    expect(await versionsOf(stream)).toHaveLength(10);
    const again = { ...deposited(5), id: crypto.randomUUID() };
    await projecting.appendToStream(stream, [again]);
    await projecting.appendToStream(stream, [again]);
    expect(await balance()).toBe(55);
    await projecting.close();
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
