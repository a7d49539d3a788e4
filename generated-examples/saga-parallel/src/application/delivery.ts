import type { Call } from './call.ts';

export interface Delivery {
  /** Asks a carrier for its price, which it then stands by. Refuses with `SHIPPING_UNAVAILABLE`. */
  quote(call: Call<'do'>, parcel: Parcel): Promise<DeliveryQuote>;
  cancel(call: Call<'undo'>): Promise<void>;
}

export interface Parcel {
  readonly country: string;
  readonly pieces: number;
}

export interface DeliveryQuote {
  readonly quoteId: string;
  readonly deliveryCents: number;
  readonly deliveryDays: number;
}
