import { Rejection } from 'potter-runtime/errors';
import { newId, sleep } from 'potter-runtime/foundation';
import { fenced, inTransaction, type PostgresPool } from 'potter-runtime/postgres';
import type { Call } from '../application/call.ts';
import type { Delivery, DeliveryQuote, Parcel } from '../application/delivery.ts';
import { recordEffect } from './effects.ts';

/** How long the carrier for a country takes to name its price, in ms; all others know it at once. */
const TAKES_MS: ReadonlyMap<string, number> = new Map([['US', 800]]);

const BASE_CENTS = 490;
const PIECE_CENTS = 50;
const DELIVERY_DAYS = 3;

/** What `quote` answers is handed to `cancel`; neither has an effect twice. */
const deliveryQuote = fenced<DeliveryQuote>();

/** The delivery service: carriers go to the countries of its table. */
export class PostgresDelivery implements Delivery {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async quote(call: Call<'do'>, { country, pieces }: Parcel): Promise<DeliveryQuote> {
    await sleep(TAKES_MS.get(country) ?? 0, { signal: call.signal });
    return inTransaction(this.#pool, (tx) =>
      deliveryQuote.do(tx, call.key, async () => {
        const [quoteId, deliveryCents] = [newId(), BASE_CENTS + pieces * PIECE_CENTS];
        const quoted = await tx.query({
          text: `INSERT INTO delivery_quotes (quote_id, country, pieces, delivery_cents)
                 SELECT $1, country, $3, $4 FROM shipping_countries WHERE country = $2`,
          values: [quoteId, country, pieces, deliveryCents],
        });
        if (quoted.rowCount === 0) {
          throw new Rejection('SHIPPING_UNAVAILABLE', `No carrier goes to ${country}.`, {
            details: { country },
          });
        }
        await recordEffect(tx, call, { service: 'delivery', operation: 'quote-delivery' });
        return { quoteId, deliveryCents, deliveryDays: DELIVERY_DAYS };
      }),
    );
  }

  async cancel(call: Call<'undo'>): Promise<void> {
    await inTransaction(this.#pool, (tx) =>
      deliveryQuote.undo(tx, call.key, async ({ quoteId }) => {
        await tx.query({
          text: 'UPDATE delivery_quotes SET cancelled_at = now() WHERE quote_id = $1',
          values: [quoteId],
        });
        await recordEffect(tx, call, { service: 'delivery', operation: 'cancel-quote' });
      }),
    );
  }
}
