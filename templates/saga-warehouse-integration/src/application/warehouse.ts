import type { TwoPhaseParticipant } from 'potter-runtime/sagas';
import type { Pieces } from '../domain/warehouse-order.ts';
import type { Call } from './call.ts';

/** What a warehouse is asked to reserve. */
export interface Reservation {
  readonly sagaId: string;
  /** Of the step of the saga. */
  readonly key: `${string}/do`;
  readonly pieces: Pieces;
}

/** What there is of something in a warehouse. */
export interface Stock {
  readonly onHand: number;
  /** Of these, for orders. */
  readonly reserved: number;
}

/** A warehouse, wherever it is and however it is reached. */
export interface Warehouse {
  /**
   * How it reserves together with others, all or nothing. Its vote is "no", with `INSUFFICIENT_STOCK` or `SKU_NOT_FOUND`,
   * when it has not enough.
   */
  readonly participant: TwoPhaseParticipant<Reservation>;
  /** Gives back what it reserved for the saga, once, if it did. */
  release(call: Call<'undo'>): Promise<void>;
  /** Refuses with `SKU_NOT_FOUND`. */
  stock(sku: string): Promise<Stock>;
}

/** Warehouses by id. */
export type Warehouses = ReadonlyMap<string, Warehouse>;
