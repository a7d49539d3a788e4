import { silentLogger, type Logger } from '../../../foundation/logger.ts';
import type { WorkListener } from '../../../sagas/saga-store.ts';
import type { PostgresPool } from '../../connection/client.ts';
import { listen, type Listening } from '../../connection/notifications.ts';
import { type Place, WorkTurns } from './work-turns.ts';
import { SAGA_CHANNEL } from './write-sql.ts';

/** What a store hears from the others: the one subscription behind workers and followers. */
export class SagaSignals {
  readonly #pool: PostgresPool;
  readonly #logger: Logger;
  readonly #workers = new Set<WorkListener>();
  readonly #followers = new Map<string, Set<() => void>>();
  readonly #turns: WorkTurns;
  #listening: Promise<Listening> | undefined;

  constructor(pool: PostgresPool, lookSpacingMs: number, logger: Logger = silentLogger) {
    this.#pool = pool;
    this.#turns = new WorkTurns(() => {
      for (const worker of this.#workers) worker.onWork();
    }, lookSpacingMs);
    this.#logger = logger;
  }

  /** Hears of work and messages until the returned function is called. */
  async addWorker(listener: WorkListener): Promise<() => Promise<void>> {
    this.#workers.add(listener);
    const remove = async (): Promise<void> => {
      this.#workers.delete(listener);
      await this.#hangUpWhenAlone();
    };
    return this.#listenUntil(remove);
  }

  /** A claim has seen the other workers: they take turns in looking for work. */
  learn(place: Place): void {
    this.#turns.learn(place);
  }

  /** Calls `wake` whenever the saga may have new entries, until the returned function is called. */
  async addFollower(sagaId: string, wake: () => void): Promise<() => Promise<void>> {
    const wakes = this.#followers.get(sagaId) ?? new Set();
    this.#followers.set(sagaId, wakes.add(wake));
    const remove = async (): Promise<void> => {
      wakes.delete(wake);
      if (wakes.size === 0 && this.#followers.get(sagaId) === wakes) this.#followers.delete(sagaId);
      await this.#hangUpWhenAlone();
    };
    return this.#listenUntil(remove);
  }

  async close(): Promise<void> {
    this.#turns.cancel();
    this.#workers.clear();
    this.#followers.clear();
    await this.#hangUpWhenAlone();
  }

  /** For whoever was added: gives back how to be removed, or removes them again when nobody can listen. */
  async #listenUntil(remove: () => Promise<void>): Promise<() => Promise<void>> {
    try {
      await this.#listen();
      return remove;
    } catch (error) {
      await remove();
      throw error;
    }
  }

  async #listen(): Promise<void> {
    this.#listening ??= listen(
      this.#pool,
      SAGA_CHANNEL,
      {
        onNotification: (payload) => this.#tell(payload),
        onReconnect: () => this.#tellEverybody(),
      },
      { logger: this.#logger },
    );
    const attempt = this.#listening;
    try {
      await attempt;
    } catch (error) {
      if (this.#listening === attempt) this.#listening = undefined;
      throw error;
    }
  }

  async #hangUpWhenAlone(): Promise<void> {
    if (this.#workers.size > 0 || this.#followers.size > 0) return;
    const listening = this.#listening;
    this.#listening = undefined;
    await listening
      ?.then((open) => open.close())
      .catch(() => {
        // It never opened, and whoever asked for it was told.
      });
  }

  #tell(payload: string): void {
    const space = payload.indexOf(' ');
    const topic = space === -1 ? payload : payload.slice(0, space);
    const about = space === -1 ? '' : payload.slice(space + 1);
    switch (topic) {
      case 'work':
        this.#turns.told(about);
        break;
      case 'message':
        for (const worker of this.#workers) worker.onMessage(about);
        break;
      case 'journal':
        for (const wake of this.#followers.get(about) ?? []) wake();
        break;
      default:
        // A newer version of the runtime may say more.
        this.#logger.debug('an unknown saga notification was passed over', { payload });
    }
  }

  /** Something may have been missed; a claim also brings the messages of sagas the worker owns. */
  #tellEverybody(): void {
    for (const worker of this.#workers) worker.onWork();
    for (const wakes of this.#followers.values()) for (const wake of wakes) wake();
  }
}
