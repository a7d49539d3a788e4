import type { OrderItem } from '../domain/order-item.ts';
import type { Call } from './call.ts';

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
