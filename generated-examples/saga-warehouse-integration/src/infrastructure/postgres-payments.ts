import { Rejection } from 'potter-runtime/errors';
import { newId, sleep } from 'potter-runtime/foundation';
import { fenced, inTransaction, type PostgresPool } from 'potter-runtime/postgres';
import type { Call } from '../application/call.ts';
import type { Charge, Payment, Payments } from '../application/payments.ts';
import { recordEffect } from './effects.ts';

/** More than this is never paid at once. */
export const PAYMENT_LIMIT_CENTS = 1_000_000;

/** How often the provider stumbles over the token `flaky` before it finds its feet. */
const FLAKY_FAILURES = 2;

/** How long the provider takes over the token `slow`, in ms. */
const SLOW_MS = 20_000;

/** Not a refusal: the same call may succeed a moment later. */
class PaymentProviderDown extends Error {
  readonly code = 'PAYMENT_PROVIDER_DOWN';
}

/** What `charge` answers is handed to `refund`; neither has an effect twice. */
const payment = fenced<Payment>();

/** The payment service. What it does with a token is written on the token, so that every case can be tried. */
export class PostgresPayments implements Payments {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async charge(call: Call<'do'>, { customerId, amountCents, token }: Charge): Promise<Payment> {
    if (token === 'slow') await sleep(SLOW_MS, { signal: call.signal });
    if (token === 'flaky') await this.#stumble(call.key);
    return inTransaction(this.#pool, (tx) =>
      payment.do(tx, call.key, async () => {
        if (token === 'declined' || amountCents > PAYMENT_LIMIT_CENTS) {
          throw new Rejection(
            'PAYMENT_DECLINED',
            `The payment of ${amountCents} cents was declined.`,
            {
              details: { amountCents },
            },
          );
        }
        const paymentId = newId();
        await tx.query({
          text: 'INSERT INTO payments (payment_id, customer_id, amount_cents) VALUES ($1, $2, $3)',
          values: [paymentId, customerId, amountCents],
        });
        await recordEffect(tx, call, { service: 'payment', operation: 'process-payment' });
        return { paymentId };
      }),
    );
  }

  async refund(call: Call<'undo'>): Promise<void> {
    await inTransaction(this.#pool, (tx) =>
      payment.undo(tx, call.key, async ({ paymentId }) => {
        await tx.query({
          text: 'UPDATE payments SET refunded_at = now() WHERE payment_id = $1',
          values: [paymentId],
        });
        await recordEffect(tx, call, { service: 'payment', operation: 'refund-payment' });
      }),
    );
  }

  /** Counts outside of the charge's transaction: that one is rolled back, and would forget how often it failed. */
  async #stumble(key: string): Promise<void> {
    const { rowCount } = await this.#pool.query({
      text: `INSERT INTO payment_failures AS f (key, failures) VALUES ($1, 1)
             ON CONFLICT (key) DO UPDATE SET failures = f.failures + 1 WHERE f.failures < $2`,
      values: [key, FLAKY_FAILURES],
    });
    if (rowCount === 1) throw new PaymentProviderDown('The payment provider does not answer.');
  }
}
