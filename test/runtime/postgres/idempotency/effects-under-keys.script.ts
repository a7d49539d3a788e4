import { createPool } from '../../../../runtime/src/postgres/connection/pool.ts';
import { PostgresIdempotencyStore } from '../../../../runtime/src/postgres/idempotency/idempotency-store.ts';

/** A process that has one effect under each of its keys, and says `begun` of each. */
const [url = '', ...keys] = process.argv.slice(2);
await using pool = createPool(url, { maxConnections: 8 });
const store = new PostgresIdempotencyStore({ pool });

async function handle(key: string): Promise<void> {
  process.stdout.write('begun\n');
  await store.once(
    { key, scope: '', fingerprint: 'f-1' },
    async (transaction) => {
      await transaction.query({ text: 'INSERT INTO effects (name) VALUES ($1)', values: [key] });
      return { status: 200, headers: {}, body: '{}' };
    },
    { refusal: () => undefined },
  );
}

const waiting = [...keys];
const lane = async (): Promise<void> => {
  for (let key = waiting.shift(); key !== undefined; key = waiting.shift()) await handle(key);
};
await Promise.all(Array.from({ length: 8 }, lane));
