import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type NewEvent, type StreamId, streamId } from 'potter-runtime/events';
import {
  PostgresEventStore,
  type PostgresTransaction,
  preparedTransactionParticipant,
  toBePrepared,
  wakeSubscriptions,
} from 'potter-runtime/postgres';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { subscriptionAtRest } from '../../../support/subscription-at-rest.ts';

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

async function versionsOf(stream: `${string}:${string}`): Promise<readonly bigint[]> {
  const versions: bigint[] = [];
  for await (const { version } of store.readStream(stream)) versions.push(version);
  return versions;
}

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
    await vi.waitFor(() => expect(told).toHaveBeenCalledOnce(), 30_000);
    await wakeSubscriptions(connection);
    await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(2), 30_000);
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
  const atRest = subscriptionAtRest(own);
  const seen: unknown[] = [];
  const following = (async () => {
    for await (const batch of events.subscribe({ signal })) {
      seen.push(...batch.events.map(({ data }) => data));
    }
  })();
  await participant.prepare(branch, 7, { signal });
  await atRest();
  expect(await participant.commit(branch, { signal })).toBe(1n);
  await vi.waitFor(() => expect(seen).toEqual([{ n: 7 }]), 30_000);
  stop.abort();
  await following;
  await events.close();
});
