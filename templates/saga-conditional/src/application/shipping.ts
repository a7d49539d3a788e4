import type { Carrier } from '../domain/order.ts';
import type { Call } from './call.ts';

/** Either of the two ways to ship an order. */
export interface Shipping {
  /** Refuses with `SHIPPING_UNAVAILABLE`, and `EXPRESS_VALUE_TOO_HIGH` if it is express. */
  ship(call: Call<'do'>, parcel: Parcel): Promise<Shipment>;
  cancel(call: Call<'undo'>): Promise<void>;
}

export interface Parcel {
  readonly country: string;
  readonly valueCents: number;
}

export interface Shipment {
  readonly carrier: Carrier;
  readonly trackingNumber: string;
}
