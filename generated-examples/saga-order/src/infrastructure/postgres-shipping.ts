import { randomBytes } from 'node:crypto';
import { Rejection } from 'potter-runtime/errors';
import { fenced, inTransaction, type PostgresPool } from 'potter-runtime/postgres';
import type { Call } from '../application/call.ts';
import type { Parcel, Shipment, Shipping } from '../application/shipping.ts';
import { recordEffect } from './effects.ts';

/** What `ship` answers is handed to `cancel`; neither has an effect twice. */
const shipment = fenced<Shipment>();

/** The shipping service: goes to the countries of its table. */
export class PostgresShipping implements Shipping {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  ship(call: Call<'do'>, { country }: Parcel): Promise<Shipment> {
    return inTransaction(this.#pool, (tx) =>
      shipment.do(tx, call.key, async () => {
        const trackingNumber = `TRK-${randomBytes(6).toString('hex').toUpperCase()}`;
        const shipped = await tx.query({
          text: `INSERT INTO shipments (tracking_number, country)
                 SELECT $1, country FROM shipping_countries WHERE country = $2`,
          values: [trackingNumber, country],
        });
        if (shipped.rowCount === 0) {
          throw new Rejection('SHIPPING_UNAVAILABLE', `No carrier goes to ${country}.`, {
            details: { country },
          });
        }
        await recordEffect(tx, call, { service: 'shipping', operation: 'create-shipment' });
        return { trackingNumber };
      }),
    );
  }

  async cancel(call: Call<'undo'>): Promise<void> {
    await inTransaction(this.#pool, (tx) =>
      shipment.undo(tx, call.key, async ({ trackingNumber }) => {
        await tx.query({
          text: 'UPDATE shipments SET cancelled_at = now() WHERE tracking_number = $1',
          values: [trackingNumber],
        });
        await recordEffect(tx, call, { service: 'shipping', operation: 'cancel-shipment' });
      }),
    );
  }
}
