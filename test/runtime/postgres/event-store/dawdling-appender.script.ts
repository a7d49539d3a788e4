// An appender of event-store-lost-appender.postgres.test.ts: says so when it has appended, and never ends its transaction.
import { streamId } from '../../../../runtime/src/events/stream-id.ts';
import { createPool } from '../../../../runtime/src/postgres/connection/pool.ts';
import { inTransaction } from '../../../../runtime/src/postgres/connection/transaction.ts';
import { PostgresEventStore } from '../../../../runtime/src/postgres/event-store/event-store.ts';

const [databaseUrl = ''] = process.argv.slice(2);
await using pool = createPool(databaseUrl);
await using store = new PostgresEventStore({ pool });
await inTransaction(pool, async (transaction) => {
  const event = { type: 'Counted', data: { n: 1 } };
  await store.appendToStream(streamId('lost', 'inside'), [event], { transaction });
  process.stdout.write('appended\n');
  await new Promise<never>((_, reject) => setTimeout(reject, 600_000));
});
