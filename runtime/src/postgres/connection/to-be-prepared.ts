import type { PostgresTransaction } from './client.ts';

const preparing = new WeakSet<PostgresTransaction>();

/**
 * Runs work in a transaction that will end in `PREPARE TRANSACTION`, which PostgreSQL refuses to one that has notified.
 * Appends to an event store leave their NOTIFY out; whoever says `COMMIT PREPARED` wakes the subscriptions with
 * `wakeSubscriptions` afterwards, or they find the events when they poll, after a second by default.
 */
export async function toBePrepared<T>(
  transaction: PostgresTransaction,
  work: () => Promise<T>,
): Promise<T> {
  preparing.add(transaction);
  try {
    return await work();
  } finally {
    // The connection serves others after this transaction.
    preparing.delete(transaction);
  }
}

/** Whether nothing in this transaction may notify. */
export function isToBePrepared(transaction: PostgresTransaction): boolean {
  return preparing.has(transaction);
}
