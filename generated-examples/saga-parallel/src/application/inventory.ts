import type { OrderItem } from '../domain/order-item.ts';
import type { Call } from './call.ts';

export interface Inventory {
  /** Takes the items out of what is available. Refuses with `INSUFFICIENT_STOCK` or `PRODUCT_NOT_FOUND`. */
  reserve(call: Call<'do'>, items: readonly OrderItem[]): Promise<Reservation>;
  release(call: Call<'undo'>): Promise<void>;
}

export interface Reservation {
  /** Pieces by product. */
  readonly pieces: Readonly<Record<string, number>>;
}
