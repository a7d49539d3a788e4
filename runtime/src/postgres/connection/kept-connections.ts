import type {
  PostgresConnection,
  PostgresPool,
  PostgresResult,
  PostgresStatement,
} from './client.ts';
import { isConnectionLoss } from './connection-loss.ts';
import { sqlStateOf } from './errors.ts';
import {
  type CallingClient,
  callPrepared,
  type PreparedCall,
  type TextRow,
} from './prepared-call.ts';

/** A connection without work, and how many turns of the event loop have ended meanwhile. */
interface Kept {
  readonly connection: PostgresConnection;
  readonly turns: 0 | 1;
}

/**
 * Connections for statements that follow each other closely. After a statement its connection stays here for the rest of
 * this turn of the event loop and the next: whoever has more to say by then needs no pool, whose way to a connection and
 * back costs the process nearly as much as the statement.
 */
export class KeptConnections implements CallingClient {
  readonly #pool: PostgresPool;
  #idle: Kept[] = [];
  /** What listens for the death of each connection that is here or in use. */
  readonly #mourners = new WeakMap<PostgresConnection, (error: Error) => void>();
  #sweeping = false;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  query<Row extends object = Record<string, unknown>>(
    statement: PostgresStatement,
  ): Promise<PostgresResult<Row>> {
    return this.#use((connection) => connection.query<Row>(statement));
  }

  call(call: PreparedCall): Promise<readonly TextRow[]> {
    return this.#use((connection) => callPrepared(connection, call));
  }

  async #use<T>(work: (connection: PostgresConnection) => Promise<T>): Promise<T> {
    const connection = this.#idle.pop()?.connection ?? (await this.#take());
    try {
      const result = await work(connection);
      this.#keep(connection);
      return result;
    } catch (error) {
      // A statement that the server refused has left the connection as it was; of anything else nobody knows.
      if (sqlStateOf(error) !== undefined && !isConnectionLoss(error)) this.#keep(connection);
      else this.#giveBack(connection, error as Error);
      throw error;
    }
  }

  async #take(): Promise<PostgresConnection> {
    const connection = await this.#pool.connect();
    const mourner = (error: Error): void => {
      const at = this.#idle.findIndex((kept) => kept.connection === connection);
      // In use, its statement fails and says so.
      if (at === -1) return;
      this.#idle.splice(at, 1);
      this.#giveBack(connection, error);
    };
    this.#mourners.set(connection, mourner);
    connection.on('error', mourner);
    return connection;
  }

  #keep(connection: PostgresConnection): void {
    this.#idle.push({ connection, turns: 0 });
    if (this.#sweeping) return;
    this.#sweeping = true;
    setImmediate(this.#sweep);
  }

  readonly #sweep = (): void => {
    const kept = this.#idle;
    this.#idle = [];
    for (const { connection, turns } of kept) {
      // Whoever was answered in one turn asks again before the end of the next.
      if (turns === 0) this.#idle.push({ connection, turns: 1 });
      else this.#giveBack(connection);
    }
    this.#sweeping = this.#idle.length > 0;
    if (this.#sweeping) setImmediate(this.#sweep);
  };

  #giveBack(connection: PostgresConnection, error?: Error): void {
    const mourner = this.#mourners.get(connection);
    if (mourner !== undefined) connection.off('error', mourner);
    connection.release(error);
  }
}
