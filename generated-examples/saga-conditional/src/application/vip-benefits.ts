import type { Call } from './call.ts';

export interface VipBenefits {
  /** Grants a discount. Refuses with `VIP_SUSPENDED`. */
  grant(call: Call<'do'>, benefit: VipBenefit): Promise<VipGrant>;
  revoke(call: Call<'undo'>): Promise<void>;
}

export interface VipBenefit {
  readonly customerId: string;
  readonly discountCents: number;
}

export interface VipGrant {
  readonly grantId: string;
  readonly discountCents: number;
}
