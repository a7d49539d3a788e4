import type { Call } from './call.ts';

export interface Credit {
  /** Holds so much of the customer's credit. Refuses with `CREDIT_LIMIT_EXCEEDED`. */
  check(call: Call<'do'>, request: CreditRequest): Promise<CreditHold>;
  release(call: Call<'undo'>): Promise<void>;
}

export interface CreditRequest {
  readonly customerId: string;
  readonly amountCents: number;
}

export interface CreditHold {
  readonly holdId: string;
  readonly amountCents: number;
}
