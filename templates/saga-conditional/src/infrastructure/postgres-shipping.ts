import { randomBytes } from 'node:crypto';
import { Rejection } from 'potter-runtime/errors';
import { fenced, inTransaction, type PostgresPool } from 'potter-runtime/postgres';
import type { Call } from '../application/call.ts';
import type { Parcel, Shipment, Shipping } from '../application/shipping.ts';
import type { Carrier } from '../domain/order.ts';
import { recordEffect } from './effects.ts';

/** The express carrier takes nothing that is worth more. */
export const EXPRESS_LIMIT_CENTS = 500_000;

/** What `ship` answers is handed to `cancel`; neither has an effect twice. */
const shipment = fenced<Shipment>();

/** A carrier: goes to the countries of its table. */
export class PostgresShipping implements Shipping {
  readonly #pool: PostgresPool;
  readonly #carrier: Carrier;

  constructor(pool: PostgresPool, carrier: Carrier) {
    this.#pool = pool;
    this.#carrier = carrier;
  }

  ship(call: Call<'do'>, { country, valueCents }: Parcel): Promise<Shipment> {
    const carrier = this.#carrier;
    return inTransaction(this.#pool, (tx) =>
      shipment.do(tx, call.key, async () => {
        if (carrier === 'express' && valueCents > EXPRESS_LIMIT_CENTS) {
          throw new Rejection(
            'EXPRESS_VALUE_TOO_HIGH',
            `The express carrier takes no parcel that is worth ${valueCents} cents.`,
            { details: { valueCents, limitCents: EXPRESS_LIMIT_CENTS } },
          );
        }
        const trackingNumber = `TRK-${randomBytes(6).toString('hex').toUpperCase()}`;
        const shipped = await tx.query({
          text: `INSERT INTO shipments (tracking_number, carrier, country)
                 SELECT $1, $2, country FROM shipping_countries WHERE country = $3`,
          values: [trackingNumber, carrier, country],
        });
        if (shipped.rowCount === 0) {
          throw new Rejection('SHIPPING_UNAVAILABLE', `No carrier goes to ${country}.`, {
            details: { country },
          });
        }
        await recordEffect(tx, call, { service: 'shipping', operation: `${carrier}-shipping` });
        return { carrier, trackingNumber };
      }),
    );
  }

  async cancel(call: Call<'undo'>): Promise<void> {
    await inTransaction(this.#pool, (tx) =>
      shipment.undo(tx, call.key, async ({ carrier, trackingNumber }) => {
        await tx.query({
          text: 'UPDATE shipments SET cancelled_at = now() WHERE tracking_number = $1',
          values: [trackingNumber],
        });
        await recordEffect(tx, call, {
          service: 'shipping',
          operation: `cancel-${carrier}-shipping`,
        });
      }),
    );
  }
}
