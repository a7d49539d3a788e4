import { type Event, streamId } from 'potter-runtime/events';
import {
  inTransaction,
  PostgresEventStore,
  PostgresProjectionStore,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import {
  createProjectionRunner,
  eventFeed,
  perEvent,
  project,
  type ProjectionContext,
} from 'potter-runtime/projections';
import { expect, test } from 'vitest';
import { createTestDatabase } from '../../../support/database.ts';

type AccountEvent = Event<'Opened'> | Event<'Deposited', { readonly cents: number }>;

const ROLLED_BACK = new Error('rolled back');

test('a projection of events has every committed one in its rows once, and none of what was rolled back', async () => {
  await using database = await createTestDatabase({ components: ['event-store', 'projections'] });
  await database.pool.query('create table public.sums (stream_id text primary key, cents int)');
  const store = new PostgresEventStore({ pool: database.pool });
  const handle = perEvent<AccountEvent, ProjectionContext<PostgresTransaction>>({
    Opened: 'ignored',
    Deposited: async ({ streamId: stream, data: { cents } }, { transaction, table }) => {
      await transaction.query({
        text: `insert into ${table('public.sums')} as sums values ($1, $2)
               on conflict (stream_id) do update set cents = sums.cents + excluded.cents`,
        values: [stream, cents],
      });
    },
  });
  const feed = eventFeed<AccountEvent, PostgresTransaction>(store, { category: 'account' });
  await using runner = createProjectionRunner({
    store: new PostgresProjectionStore({ pool: database.pool }),
    projections: [
      project(feed, { name: 'sums', version: 1, tables: [{ name: 'public.sums' }], handle }),
    ],
  });
  await runner.run();
  const writer = async (n: number): Promise<void> => {
    const stream = streamId('account', String(n));
    await store.appendToStream<AccountEvent>(stream, [{ type: 'Opened', data: {} }]);
    for (let round = 0; round < 10; round += 1) {
      await store.appendToStream(streamId('order', String(n)), [{ type: 'Placed', data: {} }]);
      const work = inTransaction(database.pool, async (transaction) => {
        const deposit: AccountEvent = { type: 'Deposited', data: { cents: 1 } };
        await store.appendToStream(stream, [deposit], { transaction });
        if (round % 5 === 4) throw ROLLED_BACK;
      });
      await work.catch((error: unknown) => {
        if (error !== ROLLED_BACK) throw error;
      });
    }
  };
  await Promise.all([0, 1, 2, 3].map(writer));
  await runner.waitFor('sums', 'caughtUp', { timeout: '30s' });
  const { rows } = await database.pool.query('select * from public.sums order by stream_id');
  expect(rows).toEqual(['0', '1', '2', '3'].map((n) => ({ stream_id: `account:${n}`, cents: 8 })));
  await store.close();
});
