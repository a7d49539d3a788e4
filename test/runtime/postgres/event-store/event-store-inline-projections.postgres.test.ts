import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConcurrencyConflictError } from 'potter-runtime/event-store';
import { type Event, type NewEvent, streamId } from 'potter-runtime/events';
import { inlineProjection, inTransaction, PostgresEventStore } from 'potter-runtime/postgres';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';

let database: TestDatabase;
let store: PostgresEventStore;

type AccountEvent = Event<'Deposited', { readonly cents: number }> | Event<'Renamed'>;

const balances = inlineProjection<AccountEvent>({
  Deposited: async ({ data: { cents } }, transaction) => {
    if (cents < 0) throw new Error('no such deposit');
    await transaction.query({ text: 'update balance set cents = cents + $1', values: [cents] });
  },
  Renamed: 'ignored',
});

beforeAll(async () => {
  database = await createTestDatabase({ components: ['event-store'] });
  await database.pool.query('create table balance (cents int); insert into balance values (0)');
  store = new PostgresEventStore({ pool: database.pool, inlineProjections: [balances] });
});

afterAll(async () => {
  await store.close();
  await database.close();
});

const deposited = (cents: number): NewEvent => ({ type: 'Deposited', data: { cents } });

const balance = async (): Promise<number> =>
  (await database.pool.query<{ cents: number }>('select cents from balance')).rows[0]?.cents ??
  Number.NaN;

async function versionsOf(stream: `${string}:${string}`): Promise<readonly bigint[]> {
  const versions: bigint[] = [];
  for await (const { version } of store.readStream(stream)) versions.push(version);
  return versions;
}

test('inline projections are written in the transaction of the append, or neither is', async () => {
  const stream = streamId('inline', '1');
  await Promise.all(Array.from({ length: 10 }, () => store.appendToStream(stream, [deposited(5)])));
  expect(await balance()).toBe(50);
  await expect(store.appendToStream(stream, [deposited(1), deposited(-1)])).rejects.toThrow(
    'no such deposit',
  );
  await expect(
    store.appendToStream(stream, [deposited(7)], { expected: 'none' }),
  ).rejects.toBeInstanceOf(ConcurrencyConflictError);
  const rolledBack = inTransaction(database.pool, async (transaction) => {
    await store.appendToStream(stream, [deposited(100)], { transaction });
    throw new Error('rolled back');
  });
  await expect(rolledBack).rejects.toThrow('rolled back');
  expect(await balance()).toBe(50);
  expect(await versionsOf(stream)).toHaveLength(10);
  const again = { ...deposited(5), id: crypto.randomUUID() };
  await store.appendToStream(stream, [again]);
  await store.appendToStream(stream, [again]);
  expect(await balance()).toBe(55);
});
