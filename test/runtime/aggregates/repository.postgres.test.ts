import { afterAll, beforeAll, expect, test } from 'vitest';
import { repository } from 'potter-runtime/aggregates';
import { type Clock, systemClock } from 'potter-runtime/foundation';
import { type EventStore, eventRead } from 'potter-runtime/event-store';
import { type Event, streamId } from 'potter-runtime/events';
import {
  inTransaction,
  PostgresEventStore,
  PostgresSnapshotStore,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import { everyEvents } from 'potter-runtime/snapshots';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type AccountEvent, bankAccount, deposit, open } from './bank-account.ts';

let database: TestDatabase;
let eventStore: PostgresEventStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['event-store'] });
  eventStore = new PostgresEventStore({ pool: database.pool });
});

afterAll(async () => {
  await eventStore.close();
  await database.close();
});

function snapshotted() {
  const store = new PostgresSnapshotStore({ pool: database.pool });
  return repository(bankAccount, { eventStore, snapshots: { store, strategy: everyEvents(10) } });
}

test('commands in transactions of their own have snapshots taken of what is committed', async () => {
  const accounts = snapshotted();
  await accounts.handle('DE-keyed', open('Ada'));
  for (let n = 0; n < 30; n += 1) {
    await inTransaction(database.pool, (transaction) =>
      accounts.handle('DE-keyed', deposit(1), { transaction }),
    );
    await accounts.close();
  }
  const loaded = await accounts.load('DE-keyed');
  expect(loaded).toMatchObject({ version: 31n, state: { balanceCents: 30 } });
  expect(loaded.eventsRead).toBeLessThanOrEqual(11);
});

test('a snapshot never holds what a transaction took back', async () => {
  const accounts = snapshotted();
  await accounts.handle('DE-undone', open('Ada'));
  const undone = inTransaction(database.pool, async (transaction) => {
    for (let n = 0; n < 30; n += 1) {
      await accounts.handle('DE-undone', deposit(1), { transaction });
      await accounts.close();
    }
    throw new Error('taken back');
  });
  await expect(undone).rejects.toThrow('taken back');
  expect(await accounts.load('DE-undone')).toMatchObject({
    version: 1n,
    snapshotVersion: undefined,
    state: { balanceCents: 0 },
  });
});

test('a lost race inside a transaction is decided again at once, for the stream is locked', async () => {
  const waited: number[] = [];
  const clock: Clock = {
    now: () => systemClock.now(),
    schedule: (delayMs, callback) => {
      waited.push(delayMs);
      return systemClock.schedule(delayMs, callback);
    },
  };
  const accounts = repository(bankAccount, { eventStore, clock });
  const elsewhere = repository(bankAccount, { eventStore });
  let raced = false;
  const handled = await inTransaction(database.pool, (transaction) =>
    accounts.handle(
      'DE-race',
      async (account): Promise<AccountEvent> => {
        if (raced) return deposit(1)(account);
        raced = true;
        // There is no stream yet, and so nothing that could be locked.
        await elsewhere.handle('DE-race', open('Ada'));
        return open('Eve')(account);
      },
      { transaction },
    ),
  );
  expect(handled).toMatchObject({ version: 2n, state: { balanceCents: 1 } });
  expect(waited).toEqual([]);
});

test('a stream locked by a transaction is written by others when that has ended, and read meanwhile', async () => {
  const stream = streamId('locked', '1');
  await eventStore.appendToStream(stream, [{ type: 'First', data: {} }]);
  const order: string[] = [];
  let waiting: Promise<unknown> = Promise.resolve();
  await inTransaction(database.pool, async (transaction) => {
    await eventStore.lockStream(stream, { transaction });
    const append = eventStore.appendToStream(stream, [{ type: 'Other', data: {} }]);
    waiting = append.then(({ version }) => order.push(`other ${version}`));
    for await (const { type } of eventStore.readStream(stream)) order.push(`read ${type}`);
    const own = await eventStore.appendToStream(stream, [{ type: 'Own', data: {} }], {
      expected: 1n,
      transaction,
    });
    order.push(`own ${own.version}`);
  });
  await waiting;
  expect(order).toEqual(['read First', 'own 2', 'other 3']);
});

/** The same store, with a count of the events that were read. */
function counted(): {
  readonly store: EventStore<PostgresTransaction>;
  readonly read: () => number;
} {
  let read = 0;
  const store: EventStore<PostgresTransaction> = {
    append: (request, options) => eventStore.append(request, options),
    appendToStream: (stream, events, options) => eventStore.appendToStream(stream, events, options),
    lockStream: (stream, options) => eventStore.lockStream(stream, options),
    read: (options) => eventStore.read(options),
    subscribe: (options) => eventStore.subscribe(options),
    readStream: <E extends Event>(...asked: Parameters<typeof eventStore.readStream<E>>) =>
      eventRead<E>(async function* () {
        for await (const page of eventStore.readStream<E>(...asked).pages()) {
          read += page.events.length;
          yield page;
        }
      }),
  };
  return { store, read: () => read };
}

test('commands in transactions of their own take turns on a busy stream, and none replays it', async () => {
  const { store, read } = counted();
  const accounts = repository(bankAccount, { eventStore: store });
  await accounts.handle('DE-busy', open('Ada'));
  const versions = new Set<bigint>();
  const lane = async (): Promise<void> => {
    for (let n = 0; n < 40; n += 1) {
      const handled = await inTransaction(database.pool, (transaction) =>
        accounts.handle('DE-busy', deposit(1), { transaction }),
      );
      expect(handled.state.balanceCents).toBe(Number(handled.version) - 1);
      versions.add(handled.version);
    }
  };
  await Promise.all(Array.from({ length: 5 }, lane));
  expect(versions.size).toBe(200);
  // Each reads the last event again, which proves that nothing else has been appended since; the first reads the account.
  expect(read()).toBeLessThanOrEqual(2 * 200);
});

test('what a transaction took back is not built upon, though another event has its version by now', async () => {
  const accounts = repository(bankAccount, { eventStore });
  const elsewhere = repository(bankAccount, { eventStore });
  await accounts.handle('DE-taken-back', open('Ada'));
  const takenBack = inTransaction(database.pool, async (transaction) => {
    await accounts.handle('DE-taken-back', deposit(1_000), { transaction });
    throw new Error('taken back');
  });
  await expect(takenBack).rejects.toThrow('taken back');
  await elsewhere.handle('DE-taken-back', deposit(1));
  const handled = await inTransaction(database.pool, (transaction) =>
    accounts.handle('DE-taken-back', deposit(1), { transaction }),
  );
  expect(handled).toMatchObject({ version: 3n, state: { balanceCents: 2 } });
});
