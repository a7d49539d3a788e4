import { Rejection } from 'potter-runtime/errors';
import { newId } from 'potter-runtime/foundation';
import { fenced, inTransaction, type PostgresPool } from 'potter-runtime/postgres';
import type { Call } from '../application/call.ts';
import type { VipBenefit, VipBenefits, VipGrant } from '../application/vip-benefits.ts';
import { recordEffect } from './effects.ts';

/** What `grant` answers is handed to `revoke`; neither has an effect twice. */
const vipGrant = fenced<VipGrant>();

/** The loyalty service. */
export class PostgresVipBenefits implements VipBenefits {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  grant(call: Call<'do'>, { customerId, discountCents }: VipBenefit): Promise<VipGrant> {
    return inTransaction(this.#pool, (tx) =>
      vipGrant.do(tx, call.key, async () => {
        if (customerId === 'customer-suspended') {
          throw new Rejection('VIP_SUSPENDED', `The benefits of ${customerId} are suspended.`, {
            details: { customerId },
          });
        }
        const grantId = newId();
        await tx.query({
          text: 'INSERT INTO vip_grants (grant_id, customer_id, discount_cents) VALUES ($1, $2, $3)',
          values: [grantId, customerId, discountCents],
        });
        await recordEffect(tx, call, { service: 'loyalty', operation: 'apply-vip-benefits' });
        return { grantId, discountCents };
      }),
    );
  }

  async revoke(call: Call<'undo'>): Promise<void> {
    await inTransaction(this.#pool, (tx) =>
      vipGrant.undo(tx, call.key, async ({ grantId }) => {
        await tx.query({
          text: 'UPDATE vip_grants SET revoked_at = now() WHERE grant_id = $1',
          values: [grantId],
        });
        await recordEffect(tx, call, { service: 'loyalty', operation: 'revoke-vip-benefits' });
      }),
    );
  }
}
