import { Rejection } from 'potter-runtime/errors';
import { newId, sleep } from 'potter-runtime/foundation';
import {
  fenced,
  inTransaction,
  type PostgresPool,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import type { Call } from '../application/call.ts';
import type { Credit, CreditHold, CreditRequest } from '../application/credit.ts';
import { recordEffect } from './effects.ts';

/** What a customer may owe who has no limit of their own yet. */
export const DEFAULT_LIMIT_CENTS = 10_000_000;

/** How long it takes to find out about a customer, in ms; everybody else is known at once. */
const TAKES_MS: ReadonlyMap<string, number> = new Map([
  ['customer-slow', 1_000],
  ['customer-asleep', 20_000],
]);

/** What `check` answers is handed to `release`; neither has an effect twice. */
const hold = fenced<CreditHold>();

/** The credit service. What it does with a customer is written on the customer, so that every case can be tried. */
export class PostgresCredit implements Credit {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async check(call: Call<'do'>, { customerId, amountCents }: CreditRequest): Promise<CreditHold> {
    await sleep(TAKES_MS.get(customerId) ?? 0, { signal: call.signal });
    return inTransaction(this.#pool, (tx) =>
      hold.do(tx, call.key, async () => {
        const freeCents = await freeCreditOf(tx, customerId);
        if (amountCents > freeCents) {
          throw new Rejection(
            'CREDIT_LIMIT_EXCEEDED',
            `${customerId} has a credit of ${freeCents} cents left, the order costs ${amountCents}.`,
            { details: { customerId, freeCents, amountCents } },
          );
        }
        const holdId = newId();
        await tx.query({
          text: 'INSERT INTO credit_holds (hold_id, customer_id, amount_cents) VALUES ($1, $2, $3)',
          values: [holdId, customerId, amountCents],
        });
        await recordEffect(tx, call, { service: 'credit', operation: 'check-credit' });
        return { holdId, amountCents };
      }),
    );
  }

  async release(call: Call<'undo'>): Promise<void> {
    await inTransaction(this.#pool, (tx) =>
      hold.undo(tx, call.key, async ({ holdId }) => {
        await tx.query({
          text: 'UPDATE credit_holds SET released_at = now() WHERE hold_id = $1',
          values: [holdId],
        });
        await recordEffect(tx, call, { service: 'credit', operation: 'release-credit' });
      }),
    );
  }
}

/** What is left of a customer's limit, whose row stays locked: two orders cannot both take the last of it. */
async function freeCreditOf(tx: PostgresTransaction, customerId: string): Promise<number> {
  await tx.query({
    text: `INSERT INTO credit_limits (customer_id, limit_cents) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
    values: [customerId, DEFAULT_LIMIT_CENTS],
  });
  await tx.query({
    text: 'SELECT FROM credit_limits WHERE customer_id = $1 FOR UPDATE',
    values: [customerId],
  });
  const { rows } = await tx.query<{ free: string }>({
    text: `SELECT limit_cents - (SELECT coalesce(sum(amount_cents), 0) FROM credit_holds h
                                 WHERE h.customer_id = l.customer_id AND released_at IS NULL) AS free
           FROM credit_limits l WHERE customer_id = $1`,
    values: [customerId],
  });
  return Number(rows[0]?.free ?? 0);
}
