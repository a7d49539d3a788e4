import type { PostgresConnection, PostgresPool } from './client.ts';

/**
 * Lends a connection of the pool to some work. One that broke meanwhile does not go back to others.
 * @param rollback ends, after work that failed, what it left on the connection; when that fails too, the connection is broken.
 */
export async function withConnection<T>(
  pool: PostgresPool,
  rollback: string,
  work: (connection: PostgresConnection) => Promise<T>,
): Promise<T> {
  const connection = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  // A connection that dies between two statements says so with an event; unheard, it would end the process.
  connection.on('error', onError);
  try {
    return await work(connection);
  } catch (error) {
    broken ??= await failureOf(connection, rollback);
    throw error;
  } finally {
    connection.off('error', onError);
    connection.release(broken);
  }
}

async function failureOf(
  connection: PostgresConnection,
  statement: string,
): Promise<Error | undefined> {
  try {
    await connection.query({ text: statement });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
