import type { OrderItem } from '../domain/order.ts';

/**
 * One call to a service that takes part in the saga. The key is the same however often the call is repeated, by whichever
 * process; an undo carries the key of what it undoes, and so needs no more than that.
 */
export interface Call<Direction extends 'do' | 'undo'> {
  readonly sagaId: string;
  readonly key: `${string}/${Direction}`;
  /** Fires when the answer is no longer wanted. */
  readonly signal: AbortSignal;
}

export interface Inventory {
  /** Takes the items out of what is available. Refuses with `INSUFFICIENT_STOCK` or `PRODUCT_NOT_FOUND`. */
  reserve(call: Call<'do'>, items: readonly OrderItem[]): Promise<Reservation>;
  release(call: Call<'undo'>): Promise<void>;
}

export interface Reservation {
  /** Pieces by product. */
  readonly pieces: Readonly<Record<string, number>>;
}

export interface Payments {
  /** Takes the money. Refuses with `PAYMENT_DECLINED`. */
  charge(call: Call<'do'>, charge: Charge): Promise<Payment>;
  refund(call: Call<'undo'>): Promise<void>;
}

export interface Charge {
  readonly customerId: string;
  readonly amountCents: number;
  readonly token: string;
}

export interface Payment {
  readonly paymentId: string;
}

export interface Shipping {
  /** Hands the items to a carrier. Refuses with `SHIPPING_UNAVAILABLE`. */
  ship(call: Call<'do'>, parcel: Parcel): Promise<Shipment>;
  cancel(call: Call<'undo'>): Promise<void>;
}

export interface Parcel {
  readonly country: string;
  readonly items: readonly OrderItem[];
}

export interface Shipment {
  readonly trackingNumber: string;
}
