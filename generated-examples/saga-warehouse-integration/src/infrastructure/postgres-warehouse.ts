import { type PostgresPool, preparedTransactionParticipant } from 'potter-runtime/postgres';
import type { TwoPhaseParticipant } from 'potter-runtime/sagas';
import type { Call } from '../application/call.ts';
import type { Reservation, Stock, Warehouse } from '../application/warehouse.ts';
import type { Pieces } from '../domain/warehouse-order.ts';
import { release, reserve, stockOf } from './warehouse-stock.ts';

/**
 * A warehouse that is a PostgreSQL database. It reserves in a transaction that is prepared (`PREPARE TRANSACTION`): done, safe
 * from any crash, and seen by nobody until the coordinator says what becomes of it.
 */
export class PostgresWarehouse implements Warehouse {
  readonly participant: TwoPhaseParticipant<Reservation>;
  readonly #id: string;
  readonly #pool: PostgresPool;

  /**
   * @param pool for everything but the transactions across warehouses.
   * @param transactions for those alone: a commit must find a connection, however many others wait for what it releases.
   */
  constructor(id: string, pool: PostgresPool, transactions: PostgresPool) {
    this.#id = id;
    this.#pool = pool;
    this.participant = preparedTransactionParticipant<Reservation, { pieces: Pieces }>({
      name: id,
      pool: transactions,
      work: async (tx, reservation) => {
        await reserve(tx, id, reservation);
        return { pieces: reservation.pieces };
      },
    });
  }

  release(call: Call<'undo'>): Promise<void> {
    return release(this.#pool, this.#id, call);
  }

  stock(sku: string): Promise<Stock> {
    return stockOf(this.#pool, sku);
  }
}
