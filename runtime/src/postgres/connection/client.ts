/** One statement. A `name` makes it a named prepared statement of its connection. */
export interface PostgresStatement {
  readonly text: string;
  readonly values?: unknown[];
  readonly name?: string;
}

/** What a statement gave back. */
export interface PostgresResult<Row> {
  readonly rows: Row[];
  readonly rowCount: number | null;
}

/**
 * Something that runs statements: a pool, one connection, or one connection inside a transaction.
 * The three or so members of `pg` that the runtime uses, declared structurally, so that no type of the driver is part
 * of the runtime's own. A `pg.Pool` and a `pg.PoolClient` fit as they are.
 */
export interface PostgresClient {
  query<Row extends object = Record<string, unknown>>(
    statement: PostgresStatement,
  ): Promise<PostgresResult<Row>>;
}

/**
 * A client on which BEGIN was said and neither COMMIT nor ROLLBACK yet. Whoever opened it ends it; functions that take
 * one only add statements.
 */
export type PostgresTransaction = PostgresClient;

/** A connection taken from a pool. */
export interface PostgresConnection extends PostgresClient {
  /** Gives the connection back; with an error or `true`, closes it instead. */
  release(destroy?: Error | boolean): void;
  on(
    event: 'notification',
    listener: (message: { channel: string; payload?: string | undefined }) => void,
  ): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(
    event: 'notification',
    listener: (message: { channel: string; payload?: string | undefined }) => void,
  ): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

/** A pool of connections. */
export interface PostgresPool extends PostgresClient {
  connect(): Promise<PostgresConnection>;
}
