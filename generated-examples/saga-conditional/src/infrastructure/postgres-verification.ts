import { Rejection } from 'potter-runtime/errors';
import { newId, sleep } from 'potter-runtime/foundation';
import { fenced, inTransaction, type PostgresPool } from 'potter-runtime/postgres';
import type { Call } from '../application/call.ts';
import type { LargeOrder, Verification, Verified } from '../application/verification.ts';
import { recordEffect } from './effects.ts';

/** How long a customer takes to answer, in ms; everybody else does at once. */
const TAKES_MS: ReadonlyMap<string, number> = new Map([
  ['customer-slow', 1_000],
  ['customer-asleep', 20_000],
]);

/** What `verify` answers is handed to `withdraw`; neither has an effect twice. */
const verification = fenced<Verified>();

/** The verification service. What it does with a customer is written on the customer, so that every case can be tried. */
export class PostgresVerification implements Verification {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async verify(call: Call<'do'>, { customerId, amountCents }: LargeOrder): Promise<Verified> {
    await sleep(TAKES_MS.get(customerId) ?? 0, { signal: call.signal });
    return inTransaction(this.#pool, (tx) =>
      verification.do(tx, call.key, async () => {
        if (customerId === 'customer-unverified') {
          throw new Rejection('VERIFICATION_FAILED', `${customerId} does not stand by the order.`, {
            details: { customerId, amountCents },
          });
        }
        const verificationId = newId();
        await tx.query({
          text: 'INSERT INTO verifications (verification_id, customer_id, amount_cents) VALUES ($1, $2, $3)',
          values: [verificationId, customerId, amountCents],
        });
        await recordEffect(tx, call, { service: 'verification', operation: 'verify-large-order' });
        return { verificationId };
      }),
    );
  }

  async withdraw(call: Call<'undo'>): Promise<void> {
    await inTransaction(this.#pool, (tx) =>
      verification.undo(tx, call.key, async ({ verificationId }) => {
        await tx.query({
          text: 'UPDATE verifications SET withdrawn_at = now() WHERE verification_id = $1',
          values: [verificationId],
        });
        await recordEffect(tx, call, {
          service: 'verification',
          operation: 'withdraw-verification',
        });
      }),
    );
  }
}
