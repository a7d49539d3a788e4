import { setImmediate } from 'node:timers';
import {
  createPool,
  listen,
  type Listening,
  type ManagedPostgresPool,
  type PostgresConnection,
  type PostgresPool,
  type PostgresResult,
  type PostgresStatement,
} from 'potter-runtime/postgres';
import { SET_TIME } from './virtual-time.ts';

const CHANNEL = 'quiet_pool';

/**
 * A pool that knows when nothing is under way any more: no statement waits for its answer, and every notification that was
 * committed has been heard. Its server lives in virtual time.
 */
export class QuietPool implements PostgresPool {
  readonly #pool: ManagedPostgresPool;
  readonly #now: () => Date;
  /** Connections that are out. */
  readonly #out = new Set<PostgresConnection>();
  #pending = 0;
  #sent = 0;
  #heard = 0;
  #wake: (() => void)[] = [];
  #quiet: Promise<void> | undefined;
  #listening: Listening | undefined;
  #onEcho: (() => void) | undefined;
  #serverMs = -Infinity;
  #setting: Promise<unknown> = Promise.resolve();

  private constructor(pool: ManagedPostgresPool, now: () => Date) {
    this.#pool = pool;
    this.#now = now;
  }

  /** @param now what the server's clock shows from the next statement on */
  static async open(url: string, now: () => Date): Promise<QuietPool> {
    const pool = new QuietPool(createPool(url, { maxConnections: 20 }), now);
    pool.#listening = await listen(pool, CHANNEL, {
      onNotification: () => pool.#onEcho?.(),
      onReconnect: () => {},
    });
    // The listening connection is shared by all who listen on this pool, and stays.
    pool.#out.clear();
    return pool;
  }

  query<Row extends object>(statement: PostgresStatement): Promise<PostgresResult<Row>> {
    return this.#track(() => this.#pool.query<Row>(statement));
  }

  async connect(): Promise<PostgresConnection> {
    const connection = await this.#track(() => this.#pool.connect());
    let isBack = false;
    const taken: PostgresConnection = {
      query: <Row extends object>(statement: PostgresStatement) =>
        isBack ? never<PostgresResult<Row>>() : this.#track(() => connection.query<Row>(statement)),
      release: (destroy) => {
        if (isBack) return;
        isBack = true;
        this.#out.delete(taken);
        connection.release(destroy);
      },
      on: connection.on.bind(connection),
      off: connection.off.bind(connection),
    };
    this.#out.add(taken);
    return taken;
  }

  /** Resolves when nothing happens any more unless somebody does something. */
  quiet(): Promise<void> {
    this.#quiet ??= this.#becomeQuiet().finally(() => (this.#quiet = undefined));
    return this.#quiet;
  }

  async #becomeQuiet(): Promise<void> {
    for (;;) {
      // Writes leave in groups, at the end of a turn.
      for (let n = 0; n < 3; n += 1) await turn();
      if (this.#pending > 0) await new Promise<void>((resolve) => this.#wake.push(resolve));
      else if (this.#sent === this.#heard) return;
      else await this.#hearAll();
    }
  }

  /** Takes back all connections that are out, whatever they are in the middle of. */
  takeBack(): void {
    for (const taken of this.#out) taken.release(true);
  }

  async close(): Promise<void> {
    await this.#listening?.close();
    await this.#pool.close();
  }

  /** Notifications are heard in the order of their commits: after an echo, none before it is still on its way. */
  async #hearAll(): Promise<void> {
    const sent = this.#sent;
    const echo = new Promise<void>((resolve) => (this.#onEcho = resolve));
    await this.#pool.query({ text: `NOTIFY ${CHANNEL}` });
    await echo;
    this.#heard = sent;
  }

  async #track<T>(work: () => Promise<T>): Promise<T> {
    this.#sent += 1;
    this.#pending += 1;
    try {
      await this.#setTime();
      return await work();
    } finally {
      this.#pending -= 1;
      if (this.#pending === 0) for (const wake of this.#wake.splice(0)) wake();
    }
  }

  async #setTime(): Promise<void> {
    const now = this.#now();
    if (now.getTime() !== this.#serverMs) {
      this.#serverMs = now.getTime();
      this.#setting = this.#pool.query({ name: 'set-time', text: SET_TIME, values: [now] });
    }
    await this.#setting;
  }
}

export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => {});
}
