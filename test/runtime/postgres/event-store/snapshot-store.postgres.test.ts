import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { repository } from 'potter-runtime/aggregates';
import { drop, upcast, upcasterChain } from 'potter-runtime/events';
import { everyEvents } from 'potter-runtime/snapshots';
import { inTransaction, PostgresEventStore, PostgresSnapshotStore } from 'potter-runtime/postgres';
import { snapshotStoreContract } from 'potter-runtime/testing';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { type AccountEvent, bankAccount, deposit, open } from '../../aggregates/bank-account.ts';

let database: TestDatabase;
let events: PostgresEventStore;

beforeAll(async () => {
  database = await createTestDatabase({ components: ['event-store'] });
  events = new PostgresEventStore({ pool: database.pool });
});

afterAll(async () => {
  await events.close();
  await database.close();
});

const stores = () => ({ snapshots: new PostgresSnapshotStore({ pool: database.pool }), events });

describe('the snapshot store on PostgreSQL', () => {
  test.each(snapshotStoreContract(stores))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });

  test('works with an event store in another database, by two reads', async () => {
    await using elsewhere = await createTestDatabase({ components: ['event-store'] });
    const far = new PostgresEventStore({ pool: elsewhere.pool });
    const rules = snapshotStoreContract(() => ({ ...stores(), events: far }));
    for (const { run } of rules) await run();
    await far.close();
    expect(rules.length).toBeGreaterThan(10);
  });
});

describe('a repository on PostgreSQL', () => {
  test('loads snapshot and tail in one round trip', async () => {
    const { snapshots } = stores();
    const accounts = repository(bankAccount, {
      eventStore: events,
      snapshots: { store: snapshots, strategy: everyEvents(10) },
    });
    await accounts.handle('DE-round-trip', open('Ada'));
    for (let i = 0; i < 9; i += 1) await accounts.handle('DE-round-trip', deposit(1));
    // The snapshot is taken beside the command; this waits for it, so that the rest is its tail.
    await accounts.close();
    for (let i = 0; i < 5; i += 1) await accounts.handle('DE-round-trip', deposit(1));
    await accounts.close();
    const queries = vi.spyOn(database.pool, 'query');
    const loaded = await accounts.load('DE-round-trip');
    // The store's own notifications may still be on their way; what counts is what was read.
    const reads = queries.mock.calls.filter(([statement]) =>
      JSON.stringify(statement).includes('from potter.'),
    );
    queries.mockRestore();
    expect(reads).toHaveLength(1);
    expect(loaded).toMatchObject({
      version: 15n,
      snapshotVersion: 10n,
      eventsRead: 5,
      state: { balanceCents: 14 },
    });
  });

  test('replays when the stored snapshot was damaged, and puts a good one in its place', async () => {
    const { snapshots } = stores();
    const accounts = repository(bankAccount, {
      eventStore: events,
      snapshots: { store: snapshots, strategy: everyEvents(5) },
    });
    await accounts.handle('DE-damaged', open('Ada'));
    for (let i = 0; i < 4; i += 1) await accounts.handle('DE-damaged', deposit(1));
    await accounts.close();
    const stream = accounts.streamOf('DE-damaged');
    const damage = `update potter.snapshots set state = '{"status":"open","balanceCents":1000000}' where stream_id = $1`;
    await database.pool.query(damage, [stream]);
    expect(await accounts.load('DE-damaged')).toMatchObject({
      state: { balanceCents: 4 },
      snapshotVersion: undefined,
    });
    await accounts.close();
    expect(await accounts.load('DE-damaged')).toMatchObject({
      state: { balanceCents: 4 },
      snapshotVersion: 5n,
    });
  });

  test('is not stopped by a snapshot table that is missing: commands and loads go on without', async () => {
    await using bare = await createTestDatabase({ components: ['event-store'] });
    await bare.pool.query('drop table potter.snapshots');
    const eventStore = new PostgresEventStore({ pool: bare.pool });
    const accounts = repository(bankAccount, {
      eventStore,
      snapshots: {
        store: new PostgresSnapshotStore({ pool: bare.pool }),
        strategy: everyEvents(1),
      },
    });
    await accounts.handle('DE-1', open('Ada'));
    expect(await accounts.handle('DE-1', deposit(1))).toMatchObject({ version: 2n });
    await accounts.close();
    await eventStore.close();
  });

  test('in a caller’s transaction reads its own events, shows nothing before the commit, and takes no snapshot', async () => {
    const { snapshots } = stores();
    const accounts = repository(bankAccount, {
      eventStore: events,
      snapshots: { store: snapshots, strategy: everyEvents(1) },
    });
    await inTransaction(database.pool, async (transaction) => {
      await accounts.handle('DE-tx', open('Ada'), { transaction });
      expect(await accounts.handle('DE-tx', deposit(5), { transaction })).toMatchObject({
        version: 2n,
      });
      expect(await accounts.load('DE-tx', { transaction })).toMatchObject({ version: 2n });
      expect(await accounts.load('DE-tx')).toMatchObject({ version: 0n });
    });
    await accounts.close();
    expect(await snapshots.list(accounts.streamOf('DE-tx'))).toEqual([]);
    expect(await accounts.load('DE-tx')).toMatchObject({ version: 2n, state: { balanceCents: 5 } });
  });

  test('brings old events to their current form behind a snapshot too, and counts what was dropped', async () => {
    const upcasters = upcasterChain({
      current: { MoneyDeposited: 2 },
      upcasters: [
        upcast('MoneyDeposited', 1, ({ euros }: { readonly euros: number }) => ({
          amountCents: euros * 100,
        })),
        drop('AccountRenamed'),
      ],
    });
    const eventStore = new PostgresEventStore({ pool: database.pool, upcasters });
    const { snapshots } = stores();
    const accounts = repository(bankAccount, {
      eventStore,
      snapshots: { store: snapshots, strategy: everyEvents(2) },
    });
    await accounts.handle('DE-old', (account) => [
      open('Ada')(account),
      deposit(1)({ ...account, status: 'open' }),
    ]);
    await accounts.close();
    await eventStore.appendToStream(accounts.streamOf('DE-old'), [
      { type: 'MoneyDeposited', data: { euros: 2 }, schemaVersion: 1 },
      { type: 'AccountRenamed', data: {}, schemaVersion: 1 },
    ]);
    expect(await accounts.load('DE-old', { version: 99n })).toMatchObject({
      state: { balanceCents: 201 },
      version: 4n,
      snapshotVersion: 2n,
      eventsRead: 1,
    });
    expect(await accounts.handle('DE-old', deposit(1))).toMatchObject({ version: 5n });
    await accounts.close();
    await eventStore.close();
  });

  test('leaves nothing behind when the caller’s transaction is rolled back', async () => {
    const accounts = repository(bankAccount, { eventStore: events });
    const rolledBack = inTransaction(database.pool, async (transaction) => {
      await accounts.handle('DE-back', open('Ada'), { transaction });
      throw new Error('the caller changed its mind');
    });
    await expect(rolledBack).rejects.toThrow('the caller changed its mind');
    expect(await accounts.load('DE-back')).toMatchObject({ version: 0n });
  });

  test('retries a conflict inside the caller’s transaction, which stays usable', async () => {
    const accounts = repository(bankAccount, { eventStore: events });
    let runs = 0;
    await inTransaction(database.pool, async (transaction) => {
      const handled = await accounts.handle(
        'DE-retry',
        async (account): Promise<AccountEvent> => {
          runs += 1;
          if (runs > 1) return deposit(1)(account);
          // Another process opens it between this one's load and append: what does not exist cannot be locked.
          await events.appendToStream(accounts.streamOf('DE-retry'), [open('Ada')(account)]);
          return open('Eve')(account);
        },
        { transaction },
      );
      expect(handled).toMatchObject({ version: 2n, state: { balanceCents: 1 } });
    });
    expect(runs).toBe(2);
    expect(await accounts.load('DE-retry')).toMatchObject({
      version: 2n,
      state: { balanceCents: 1 },
    });
  });

  test('a command in a transaction and one outside it for the same aggregate do not wait for each other for ever', async () => {
    const accounts = repository(bankAccount, { eventStore: events });
    await accounts.handle('DE-lock', open('Ada'));
    let outside: Promise<unknown> = Promise.resolve();
    await inTransaction(database.pool, async (transaction) => {
      await accounts.handle('DE-lock', deposit(1), { transaction });
      // Takes its turn in the queue and then waits for this transaction's row lock.
      outside = accounts.handle('DE-lock', deposit(2));
      await accounts.handle('DE-lock', deposit(4), { transaction });
    });
    await outside;
    expect(await accounts.load('DE-lock')).toMatchObject({
      version: 4n,
      state: { balanceCents: 7 },
    });
  });

  test('500 concurrent deposits from two processes lose none', async () => {
    const other = new PostgresEventStore({ pool: database.pool });
    const processes = [
      repository(bankAccount, { eventStore: events }),
      repository(bankAccount, { eventStore: other }),
    ];
    await processes[0]?.handle('DE-many', open('Ada'));
    const deposits = processes.flatMap((accounts) =>
      Array.from({ length: 250 }, () => accounts.handle('DE-many', deposit(1))),
    );
    const outcomes = await Promise.allSettled(deposits);
    const done = outcomes.filter(({ status }) => status === 'fulfilled').length;
    await other.close();
    expect({ done, ...(await processes[0]?.load('DE-many')) }).toMatchObject({
      done: 500,
      version: 501n,
      state: { balanceCents: 500 },
    });
  });
});
