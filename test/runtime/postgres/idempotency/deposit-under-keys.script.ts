import { repository } from '../../../../runtime/src/aggregates/repository.ts';
import { PostgresEventStore } from '../../../../runtime/src/postgres/event-store/event-store.ts';
import { createPool } from '../../../../runtime/src/postgres/connection/pool.ts';
import type { PostgresTransaction } from '../../../../runtime/src/postgres/connection/client.ts';
import { PostgresIdempotencyStore } from '../../../../runtime/src/postgres/idempotency/idempotency-store.ts';
import {
  type Account,
  type AccountEvent,
  bankAccount,
  deposit,
} from '../../aggregates/bank-account.ts';

/** A process that deposits a cent under each of its keys, all at once, and says `answered` of each. */
const [url = '', id = '', ...keys] = process.argv.slice(2);
await using pool = createPool(url, { maxConnections: 8 });
await using eventStore = new PostgresEventStore({ pool });
const accounts = repository<
  Account,
  AccountEvent,
  (account: Account) => AccountEvent,
  PostgresTransaction
>(bankAccount, { eventStore });
const store = new PostgresIdempotencyStore({ pool });

async function handle(key: string): Promise<void> {
  await store.once(
    { key, scope: '', fingerprint: 'f' },
    async (transaction) => {
      const { state, version } = await accounts.handle(id, deposit(1), { transaction });
      return { status: 200, headers: {}, body: `${version} ${state.balanceCents}` };
    },
    {
      refusal: () => undefined,
      subject: { route: 'POST /accounts/:id', resource: `/accounts/${id}` },
    },
  );
  process.stdout.write('answered\n');
}

const [first = '', ...rest] = keys;
// Shows what the route does with its transaction.
await handle(first);
// 40 at a time: several groups, one after the other.
const lane = async (): Promise<void> => {
  for (let key = rest.shift(); key !== undefined; key = rest.shift()) await handle(key);
};
await Promise.all(Array.from({ length: 40 }, lane));
