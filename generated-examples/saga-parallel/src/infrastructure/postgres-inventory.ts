import { Rejection } from 'potter-runtime/errors';
import {
  fenced,
  inTransaction,
  type PostgresPool,
  type PostgresTransaction,
} from 'potter-runtime/postgres';
import type { Call } from '../application/call.ts';
import type { Inventory, Reservation } from '../application/inventory.ts';
import type { OrderItem } from '../domain/order-item.ts';
import { recordEffect } from './effects.ts';

/** What there is of a product. */
export interface Stock {
  readonly productId: string;
  readonly available: number;
  readonly reserved: number;
}

/** What `reserve` answers is handed to `release`; neither has an effect twice. */
const reservation = fenced<Reservation>();

/** The inventory service: pieces are available or reserved, and never fewer than none. */
export class PostgresInventory implements Inventory {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  reserve(call: Call<'do'>, items: readonly OrderItem[]): Promise<Reservation> {
    return inTransaction(this.#pool, (tx) =>
      reservation.do(tx, call.key, async () => {
        const pieces = piecesOf(items);
        for (const [productId, quantity] of pieces) await take(tx, productId, quantity);
        await recordEffect(tx, call, { service: 'inventory', operation: 'reserve-inventory' });
        return { pieces: Object.fromEntries(pieces) };
      }),
    );
  }

  async release(call: Call<'undo'>): Promise<void> {
    await inTransaction(this.#pool, (tx) =>
      reservation.undo(tx, call.key, async ({ pieces }) => {
        for (const [productId, quantity] of Object.entries(pieces).sort(byProduct)) {
          await tx.query({
            text: `UPDATE stock SET available = available + $2, reserved = reserved - $2 WHERE product_id = $1`,
            values: [productId, quantity],
          });
        }
        await recordEffect(tx, call, { service: 'inventory', operation: 'release-inventory' });
      }),
    );
  }

  /** @throws Rejection `PRODUCT_NOT_FOUND` */
  async stock(productId: string): Promise<Stock> {
    const { rows } = await this.#pool.query<Stock>({
      text: 'SELECT product_id AS "productId", available, reserved FROM stock WHERE product_id = $1',
      values: [productId],
    });
    return rows[0] ?? refuseUnknown(productId);
  }
}

async function take(tx: PostgresTransaction, productId: string, quantity: number): Promise<void> {
  const taken = await tx.query({
    text: `UPDATE stock SET available = available - $2, reserved = reserved + $2
           WHERE product_id = $1 AND available >= $2`,
    values: [productId, quantity],
  });
  if (taken.rowCount === 1) return;
  const { rows } = await tx.query<{ available: number }>({
    text: 'SELECT available FROM stock WHERE product_id = $1',
    values: [productId],
  });
  const { available } = rows[0] ?? refuseUnknown(productId);
  throw new Rejection(
    'INSUFFICIENT_STOCK',
    `${available} of ${quantity} pieces of ${productId} are available.`,
    {
      details: { productId, available, quantity },
    },
  );
}

/** Pieces by product, products in order: two reservations lock the same rows in the same order, and none waits for ever. */
function piecesOf(items: readonly OrderItem[]): readonly (readonly [string, number])[] {
  const pieces = new Map<string, number>();
  for (const { productId, quantity } of items) {
    pieces.set(productId, (pieces.get(productId) ?? 0) + quantity);
  }
  return [...pieces].sort(byProduct);
}

function byProduct(
  [left]: readonly [string, unknown],
  [right]: readonly [string, unknown],
): number {
  return left < right ? -1 : 1;
}

function refuseUnknown(productId: string): never {
  throw new Rejection('PRODUCT_NOT_FOUND', `There is no product ${productId}.`, {
    kind: 'not-found',
  });
}
