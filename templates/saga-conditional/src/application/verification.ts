import type { Call } from './call.ts';

export interface Verification {
  /** Makes sure that a customer means an order that large. Refuses with `VERIFICATION_FAILED`. */
  verify(call: Call<'do'>, order: LargeOrder): Promise<Verified>;
  withdraw(call: Call<'undo'>): Promise<void>;
}

export interface LargeOrder {
  readonly customerId: string;
  readonly amountCents: number;
}

export interface Verified {
  readonly verificationId: string;
}
