import type { Call } from './call.ts';

export interface Customs {
  /** Declares goods that leave the country. Refuses with `CUSTOMS_LICENCE_REQUIRED`. */
  declare(call: Call<'do'>, goods: Goods): Promise<Declaration>;
  withdraw(call: Call<'undo'>): Promise<void>;
}

export interface Goods {
  readonly from: string;
  readonly to: string;
  readonly valueCents: number;
}

export interface Declaration {
  readonly declarationId: string;
}
