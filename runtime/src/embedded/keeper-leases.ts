import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { KeeperAddress, KeeperMessage } from './keeper-protocol.ts';

/** A keeper that nobody has asked for anything after this long is not wanted: its parent died while starting it. */
const FIRST_LEASE_MS = 5_000;
/** A connection that does not say the token in this time is closed. */
const TOKEN_MS = 5_000;

/** Counts who uses the server. */
export class KeeperLeases {
  readonly address: KeeperAddress;
  /** Settles with the first lease, or when nobody came for so long that nobody will. */
  readonly firstCame: Promise<void>;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #holders = new Set<Socket>();
  readonly #history: KeeperMessage[] = [];
  #refusing = false;
  #onFirst: () => void = () => {};
  #onUnused: () => void = () => {};

  private constructor(server: Server, token: string) {
    this.#server = server;
    this.address = { pid: process.pid, port: (server.address() as AddressInfo).port, token };
    this.firstCame = new Promise((resolve) => {
      this.#onFirst = resolve;
      setTimeout(resolve, FIRST_LEASE_MS);
    });
    server.on('connection', (socket) => this.#accept(socket));
  }

  static async open(): Promise<KeeperLeases> {
    // Half-open: a client ends its side to give the lease back, and the keeper's side stays open until the server is gone.
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new KeeperLeases(server, randomBytes(18).toString('base64url'));
  }

  /** Settles when nobody holds a lease any more. Somebody who comes in time keeps it from settling. */
  async unused(): Promise<void> {
    await this.firstCame;
    if (this.#holders.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onUnused = resolve;
    });
  }

  /** Tells every holder, and those still to come. */
  publish(message: KeeperMessage): void {
    this.#history.push(message);
    for (const socket of this.#holders) send(socket, message);
  }

  /** From here on newcomers get no answer until `close`, which tells them to start a keeper of their own. */
  refuse(): void {
    this.#refusing = true;
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const socket of this.#sockets) socket.end(() => socket.destroySoon());
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 500))]);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    let text = '';
    const gone = (): void => this.#end(socket);
    socket.setTimeout(TOKEN_MS, () => socket.destroy());
    socket.setEncoding('utf8');
    socket.on('error', gone);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      gone();
    });
    socket.on('end', gone);
    socket.on('data', (chunk: string) => {
      if (this.#holders.has(socket)) return;
      text += chunk;
      if (text.includes('\n')) this.#greet(socket, text.slice(0, text.indexOf('\n')));
      else if (text.length > 1_000) socket.destroy();
    });
  }

  #greet(socket: Socket, said: string): void {
    const [given, expected] = [Buffer.from(said), Buffer.from(this.address.token)];
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      socket.destroy();
      return;
    }
    socket.setTimeout(0);
    if (this.#refusing) return;
    this.#holders.add(socket);
    this.#onFirst();
    for (const message of this.#history) send(socket, message);
  }

  #end(socket: Socket): void {
    if (!this.#holders.delete(socket)) {
      // Never said the token: nothing to wait for.
      if (!this.#refusing) socket.end();
      return;
    }
    if (this.#holders.size === 0) this.#onUnused();
    else socket.end();
  }
}

function send(socket: Socket, message: KeeperMessage): void {
  socket.write(`${JSON.stringify(message)}\n`);
}
