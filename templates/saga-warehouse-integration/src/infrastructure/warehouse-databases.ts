import { exponentialBackoff, type Logger, nextDelayMs, sleep } from 'potter-runtime/foundation';
import { createMigrator } from 'potter-runtime/migrations';
import { type PostgresPool, sqlStateOf } from 'potter-runtime/postgres';
import type { Pieces } from '../domain/warehouse-order.ts';

/** What is on the shelves of a new warehouse. */
const FIRST_STOCK: Readonly<Record<string, Pieces>> = {
  east: { 'sku-1': 50, 'sku-2': 10 },
  west: { 'sku-1': 50 },
  north: { 'sku-1': 50 },
};

/** Another process made it at the same moment. */
const EXISTS = new Set(['42P04', '23505']);
const RETRY = exponentialBackoff({ maxAttempts: Number.POSITIVE_INFINITY, maxDelay: '5s' });

/** A warehouse's database. */
export interface WarehouseDatabase {
  readonly id: string;
  readonly url: string;
  readonly pool: PostgresPool;
}

/** Where a warehouse's database is when nobody says: on the server of the orders, beside theirs. */
export function besideOrders(ordersUrl: string, id: string): string {
  const url = new URL(ordersUrl);
  url.pathname = `${url.pathname}_${id}`;
  return url.href;
}

/**
 * Makes the databases of the warehouses where they are missing, brings their tables up to date and fills the shelves: they stand in
 * for systems of others, which would be there already. Any number of processes may do it at once.
 */
export class WarehouseDatabases {
  readonly #orders: PostgresPool;
  readonly #databases: readonly WarehouseDatabase[];
  readonly #logger: Logger;
  #done: () => void = () => {};
  readonly #isDone = new Promise<void>((resolve) => (this.#done = resolve));

  constructor(orders: PostgresPool, databases: readonly WarehouseDatabase[], logger: Logger) {
    this.#orders = orders;
    this.#databases = databases;
    this.#logger = logger;
  }

  /** For `/ready`, which waits for it a moment. */
  readonly readiness = { name: 'warehouses', once: true, check: (): Promise<void> => this.#isDone };

  /** Goes on trying until it is done, or the service stops. @returns whether it is done. */
  async setUp(stopping: AbortSignal): Promise<boolean> {
    for (let attempt = 1; !stopping.aborted; attempt += 1) {
      try {
        await Promise.all(this.#databases.map((database) => this.#setUpOne(database)));
        this.#done();
        // Asked to stop meanwhile, nothing may begin any more: it would hold a lease that nobody gives back.
        return !stopping.aborted;
      } catch (error) {
        this.#logger.warn('the warehouses could not be set up', { error });
        const delayMs = nextDelayMs(RETRY, { attempt, elapsedMs: 0 }) ?? 0;
        await sleep(delayMs, { signal: stopping }).catch(() => {
          // The loop ends by itself.
        });
      }
    }
    return false;
  }

  async #setUpOne({ id, url, pool }: WarehouseDatabase): Promise<void> {
    await this.#create(decodeURIComponent(new URL(url).pathname.slice(1)), pool);
    const migrator = createMigrator({
      databaseUrl: url,
      components: ['fences', 'two-phase-participant'],
      directory: 'migrations/warehouses',
    });
    if ((await migrator.pending(pool)).length > 0) await migrator.up();
    const shelves = Object.entries(FIRST_STOCK[id] ?? {});
    await pool.query({
      // Not left to ON CONFLICT alone: that waits for who is changing the row, and a crash may have left a prepared
      // transaction that changes it, which is resolved only once the service has begun.
      text: `INSERT INTO stock (sku, on_hand) SELECT * FROM unnest($1::text[], $2::int[])
             WHERE NOT EXISTS (SELECT FROM stock) ON CONFLICT DO NOTHING`,
      values: [shelves.map(([sku]) => sku), shelves.map(([, onHand]) => onHand)],
    });
  }

  /** On the server of the orders; a database elsewhere is there already. */
  async #create(name: string, pool: PostgresPool): Promise<void> {
    const isThere = await pool.query({ text: 'SELECT 1' }).then(
      () => true,
      (error: unknown) => {
        if (sqlStateOf(error) === '3D000') return false;
        throw error;
      },
    );
    if (isThere) return;
    try {
      await this.#orders.query({ text: `CREATE DATABASE "${name.replaceAll('"', '""')}"` });
    } catch (error) {
      if (!EXISTS.has(sqlStateOf(error) ?? '')) throw error;
    }
  }
}
