import { afterAll, beforeAll, expect, test } from 'vitest';
import { repository } from 'potter-runtime/aggregates';
import { type Clock, systemClock } from 'potter-runtime/foundation';
import { inTransaction, PostgresEventStore, PostgresSnapshotStore } from 'potter-runtime/postgres';
import { everyEvents } from 'potter-runtime/snapshots';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { bankAccount, deposit, open } from './bank-account.ts';

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
  await accounts.handle('DE-race', open('Ada'));
  let raced = false;
  const handled = await inTransaction(database.pool, (transaction) =>
    accounts.handle(
      'DE-race',
      async (account) => {
        if (!raced) {
          raced = true;
          await elsewhere.handle('DE-race', deposit(5));
        }
        return deposit(1)(account);
      },
      { transaction },
    ),
  );
  expect(handled).toMatchObject({ version: 3n, state: { balanceCents: 6 } });
  expect(waited).toEqual([]);
});
