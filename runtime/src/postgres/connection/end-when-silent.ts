import { Socket } from 'node:net';

/** By so much at most the server may be late in ending a statement by itself, in ms. */
const LATE_MS = 5_000;

/** The driver's connection, as far as it has to be known here. */
interface WaitingClient {
  /** False while the server owes an answer; missing until it was asked for something. */
  readonly readyForQuery?: boolean;
  readonly connection: { readonly stream: Socket };
}

/**
 * Breaks a connection whose server owes an answer and says nothing for longer than it lets a statement take. It is frozen, or
 * behind a network that drops everything: it does not end statements any more, and whoever waits for it would wait for ever.
 * @param statementMs after which the server ends a statement; 0, for never, lets everybody wait.
 */
export function endWhenSilent(client: object, statementMs: number): void {
  if (statementMs === 0 || !isWaitingClient(client)) return;
  const silentMs = statementMs + Math.min(statementMs, LATE_MS);
  const { stream } = client.connection;
  const owes = (): boolean => client.readyForQuery === false;
  stream.setTimeout(silentMs, () => {
    const { bytesRead } = stream;
    // This process may have been frozen itself, and the answer have come: what has arrived is read before this is called.
    setImmediate(() => {
      if (!owes() || stream.bytesRead > bytesRead) return;
      const message = `the server has said nothing for ${silentMs} ms`;
      stream.destroy(Object.assign(new Error(message), { code: 'ETIMEDOUT' }));
    });
  });
}

function isWaitingClient(client: object): client is WaitingClient {
  const { connection }: Partial<WaitingClient> = client;
  return connection?.stream instanceof Socket;
}
