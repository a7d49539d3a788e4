import {
  createPool,
  type ManagedPostgresPool,
} from '../../runtime/src/postgres/connection/pool.ts';
import { isConnectionLoss } from '../../runtime/src/postgres/connection/connection-loss.ts';
import type {
  PostgresConnection,
  PostgresPool,
  PostgresResult,
  PostgresStatement,
} from '../../runtime/src/postgres/connection/client.ts';

/**
 * A pool that loses a connection where it is told to: the server ends the session just before a statement is sent, or when it
 * has answered and nobody here has heard of it. Two points a statement, counted from 1.
 */
export class CuttingPool implements PostgresPool, AsyncDisposable {
  readonly #pool: ManagedPostgresPool;
  readonly #killer: ManagedPostgresPool;
  readonly #sessions = new WeakMap<PostgresConnection, number>();
  #points = 0;
  #cutAt = 0;
  /** The statement whose connection was cut, once it was. */
  cut: string | undefined;

  constructor(url: string) {
    this.#pool = createPool(url, { maxConnections: 10 });
    this.#killer = createPool(url, { maxConnections: 1 });
  }

  /** How many points were passed since the last call of `cutNext`. */
  get points(): number {
    return this.#points;
  }

  /** Cuts at the so-manieth point from now on; 0: nowhere. */
  cutNext(point: number): void {
    this.#points = 0;
    this.#cutAt = point;
    this.cut = undefined;
  }

  async query<Row extends object>(statement: PostgresStatement): Promise<PostgresResult<Row>> {
    const connection = await this.connect();
    let broken: Error | undefined;
    try {
      return await connection.query<Row>(statement);
    } catch (error) {
      if (isConnectionLoss(error)) broken = error as Error;
      throw error;
    } finally {
      connection.release(broken);
    }
  }

  async connect(): Promise<PostgresConnection> {
    const connection = await this.#pool.connect();
    return {
      query: (statement) => this.#ask(connection, statement),
      release: (destroy) => connection.release(destroy),
      on: connection.on.bind(connection),
      off: connection.off.bind(connection),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close();
    await this.#killer.close();
  }

  async #ask<Row extends object>(
    connection: PostgresConnection,
    statement: PostgresStatement,
  ): Promise<PostgresResult<Row>> {
    const session = this.#sessions.get(connection) ?? (await sessionOf(connection));
    this.#sessions.set(connection, session);
    if (this.#isDue()) await this.#end(session, `before ${statement.text}`);
    const result = await connection.query<Row>(statement);
    if (!this.#isDue()) return result;
    await this.#end(session, `after ${statement.text}`);
    // What the driver says of a session that is over is what the caller hears instead of the answer.
    return connection.query<Row>({ text: 'SELECT 1' });
  }

  #isDue(): boolean {
    this.#points += 1;
    return this.#points === this.#cutAt;
  }

  async #end(session: number, statement: string): Promise<void> {
    this.cut = statement.replaceAll(/\s+/g, ' ').slice(0, 80);
    const text = 'SELECT pg_terminate_backend($1, 5000)';
    await this.#killer.query({ text, values: [session] });
  }
}

async function sessionOf(connection: PostgresConnection): Promise<number> {
  const { rows } = await connection.query<{ pid: number }>({
    text: 'SELECT pg_backend_pid() AS pid',
  });
  return rows[0]?.pid ?? 0;
}
