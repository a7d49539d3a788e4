import type { Logger } from '../../foundation/logger.ts';
import { sleep } from '../../foundation/sleep.ts';
import type { PostgresPool } from './client.ts';

/** Under load a subscription is woken this often; the first commit after a quiet moment wakes at once. */
const SPACING_MS = 5;

/**
 * Wakes subscriptions after commits. A NOTIFY inside the statement would make commits wait for each other: PostgreSQL
 * holds one lock for the whole server while it commits a transaction that notifies. One on its own writes nothing, so its
 * commit does not wait for the disk; while one is under way, any number of commits ask for a single next one. Should the
 * process die in between, subscriptions find what is new when they poll.
 */
export class CommitNotifier {
  readonly #pool: PostgresPool;
  readonly #channel: string;
  readonly #logger: Logger;
  #sending: Promise<void> | undefined;
  #again = false;

  constructor(pool: PostgresPool, channel: string, logger: Logger) {
    this.#pool = pool;
    this.#channel = channel;
    this.#logger = logger;
  }

  notify(): void {
    if (this.#sending === undefined) this.#sending = this.#send();
    else this.#again = true;
  }

  /** Resolves when nothing is under way. */
  async drained(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    do {
      this.#again = false;
      try {
        await this.#pool.query({
          name: 'potter_notify',
          text: "select pg_notify($1, '')",
          values: [this.#channel],
        });
      } catch (error) {
        this.#logger.debug(
          'subscriptions could not be woken and will find what is new by polling',
          {
            channel: this.#channel,
            error,
          },
        );
      }
      await sleep(SPACING_MS);
    } while (this.#again);
    this.#sending = undefined;
  }
}
