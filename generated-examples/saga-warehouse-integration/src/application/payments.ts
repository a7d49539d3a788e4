import type { Call } from './call.ts';

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
