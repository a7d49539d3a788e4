import { PotterError } from '../../errors/potter-error.ts';
import { exponentialBackoff, nextDelayMs, type RetryPolicy } from '../../foundation/backoff.ts';
import { silentLogger, type Logger } from '../../foundation/logger.ts';
import { sleep } from '../../foundation/sleep.ts';
import type { PostgresConnection, PostgresPool } from './client.ts';
import { translatePostgresError } from './errors.ts';
import { lockAsListenerSql, unlockAsListenerSql } from './listener-lock.ts';
import { targetOfPool } from './pool-target.ts';

/** Who listens on a channel. Both functions return at once: they wake something, they do not work. */
export interface NotificationListener {
  /** A NOTIFY arrived; without a payload it is empty. */
  onNotification(payload: string): void;
  /** The connection was lost and is back. What was notified in between is lost: look for yourself. */
  onReconnect(): void;
}

/** Options of {@link listen}; those of the first listener of a pool count for all of them. */
export interface ListenOptions {
  readonly logger?: Logger;
  /** Default: from 100 ms, doubling, at most 5 s, without end. */
  readonly reconnect?: RetryPolicy;
}

/** One listener's place. */
export interface Listening extends AsyncDisposable {
  /** No call of the listener begins after this. The connection is closed with the last listener. */
  close(): Promise<void>;
}

/** A channel's name goes into the statement as it is. PostgreSQL cuts names at 63 bytes without a word. */
const CHANNEL = /^[a-z_][a-z0-9_]{0,62}$/;
/** A connection that nothing ever comes from looks like one that is dead; asking tells them apart. */
const HEARTBEAT_MS = 30_000;
const HEARTBEAT_PATIENCE_MS = 10_000;

const hubs = new WeakMap<PostgresPool, NotificationHub>();

/**
 * Listens on a channel; returns when notifications committed from now on arrive. All listeners of a pool share one of
 * its connections, which is reopened when it breaks. Does not work through a pooler that hands out connections per
 * transaction.
 * @throws PotterError `DATABASE_UNAVAILABLE` when the first connection fails, `INVALID_ARGUMENT` for a bad channel name.
 */
export async function listen(
  pool: PostgresPool,
  channel: string,
  listener: NotificationListener,
  options: ListenOptions = {},
): Promise<Listening> {
  if (!CHANNEL.test(channel)) {
    throw new PotterError('INVALID_ARGUMENT', {
      message: `'${channel}' is not a channel name.`,
      remedy: 'Use at most 63 lower-case letters, digits and underscores.',
      details: { channel },
    });
  }
  let hub = hubs.get(pool);
  if (hub === undefined) {
    hub = new NotificationHub(pool, options);
    hubs.set(pool, hub);
  }
  return hub.add(channel, listener);
}

/** The one listening connection of a pool. Changes to it run one after the other. */
class NotificationHub {
  readonly #pool: PostgresPool;
  readonly #logger: Logger;
  readonly #reconnect: RetryPolicy;
  readonly #channels = new Map<string, Set<NotificationListener>>();
  #connection: PostgresConnection | undefined;
  /** Aborts the heartbeat of the present connection. */
  #beating = new AbortController();
  /** Aborts the attempts to get a lost connection back. */
  #returning = new AbortController();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(pool: PostgresPool, options: ListenOptions) {
    this.#pool = pool;
    this.#logger = options.logger ?? silentLogger;
    this.#reconnect =
      options.reconnect ??
      exponentialBackoff({
        maxAttempts: Number.POSITIVE_INFINITY,
        maxDelay: '5s',
        jitter: 'equal',
      });
  }

  async add(channel: string, listener: NotificationListener): Promise<Listening> {
    await this.#inTurn(async () => {
      const isNew = !this.#channels.has(channel);
      const listeners = this.#channels.get(channel) ?? new Set();
      this.#channels.set(channel, listeners.add(listener));
      try {
        if (this.#connection === undefined) await this.#connect();
        else if (isNew) await startListening(this.#connection, channel);
      } catch (error) {
        this.#forget(channel, listener);
        if (this.#channels.size === 0) this.#disconnect();
        throw translatePostgresError(error, targetOfPool(this.#pool));
      }
    });
    let closed: Promise<void> | undefined;
    const close = (): Promise<void> => (closed ??= this.#remove(channel, listener));
    return { close, [Symbol.asyncDispose]: close };
  }

  #remove(channel: string, listener: NotificationListener): Promise<void> {
    const isLast = this.#forget(channel, listener);
    return this.#inTurn(async () => {
      if (this.#channels.size === 0) return this.#disconnect();
      if (!isLast || this.#channels.has(channel)) return;
      try {
        await this.#connection?.query({ text: `UNLISTEN ${channel}` });
        await this.#connection?.query({ text: unlockAsListenerSql(channel) });
      } catch {
        // The connection broke, and with it went the listening.
      }
    });
  }

  #forget(channel: string, listener: NotificationListener): boolean {
    const listeners = this.#channels.get(channel);
    listeners?.delete(listener);
    if (listeners?.size !== 0) return false;
    return this.#channels.delete(channel);
  }

  async #connect(): Promise<void> {
    const connection = await this.#pool.connect();
    connection.on('error', (error) => this.#lost(connection, error));
    connection.on('notification', ({ channel, payload }) => {
      this.#tell(channel, (listener) => listener.onNotification(payload ?? ''));
    });
    try {
      for (const channel of this.#channels.keys()) {
        await startListening(connection, channel);
      }
    } catch (error) {
      connection.release(true);
      throw error;
    }
    this.#connection = connection;
    this.#beating = new AbortController();
    void this.#keepAlive(connection, this.#beating.signal);
  }

  #disconnect(): void {
    this.#beating.abort();
    this.#returning.abort();
    // Closed rather than given back: it would go on listening in the hands of others.
    this.#connection?.release(true);
    this.#connection = undefined;
  }

  #lost(connection: PostgresConnection, error: unknown): void {
    if (connection !== this.#connection) return;
    this.#disconnect();
    this.#logger.warn('the listening database connection broke', { error });
    this.#returning = new AbortController();
    void this.#comeBack(this.#returning.signal);
  }

  async #comeBack(signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    for (let attempt = 1; this.#channels.size > 0; attempt += 1) {
      const elapsedMs = performance.now() - startedAt;
      const delayMs = nextDelayMs(this.#reconnect, { attempt, elapsedMs });
      if (delayMs === undefined) {
        this.#logger.error('the listening database connection is given up', { attempts: attempt });
        return;
      }
      try {
        await sleep(delayMs, { signal });
        await this.#inTurn(async () => {
          if (this.#connection === undefined && this.#channels.size > 0) await this.#connect();
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#logger.debug('the listening database connection is still broken', { error });
        continue;
      }
      for (const channel of this.#channels.keys()) {
        this.#tell(channel, (listener) => listener.onReconnect());
      }
      return;
    }
  }

  async #keepAlive(connection: PostgresConnection, signal: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await sleep(HEARTBEAT_MS, { signal });
        await answer(connection);
      }
    } catch (error) {
      if (!signal.aborted) this.#lost(connection, error);
    }
  }

  #tell(channel: string, call: (listener: NotificationListener) => void): void {
    for (const listener of this.#channels.get(channel) ?? []) {
      try {
        call(listener);
      } catch (error) {
        this.#logger.error('a listener for database notifications failed', { channel, error });
      }
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => {});
    return turn;
  }
}

async function startListening(connection: PostgresConnection, channel: string): Promise<void> {
  await connection.query({ text: `LISTEN ${channel}` });
  await connection.query({ text: lockAsListenerSql(channel) });
}

async function answer(connection: PostgresConnection): Promise<void> {
  const patience = new AbortController();
  const silence = sleep(HEARTBEAT_PATIENCE_MS, { signal: patience.signal }).then(() => {
    throw new PotterError('TIMEOUT', { message: 'The database did not answer a heartbeat.' });
  });
  try {
    await Promise.race([connection.query({ text: 'SELECT 1' }), silence]);
  } finally {
    patience.abort();
  }
}
