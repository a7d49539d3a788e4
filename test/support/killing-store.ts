import type { PostgresTransaction } from '../../runtime/src/postgres/connection/client.ts';
import { PostgresSagaStore } from '../../runtime/src/postgres/sagas/saga-store.ts';

/**
 * A saga store that kills its own process, without warning, at the n-th point around a durable write: before it is
 * sent, while it is on its way, and when it is durable but nobody here has heard of it yet.
 */
export class KillingSagaStore extends PostgresSagaStore {
  #points = 0;
  /** 0: never. */
  killAt = 0;

  /** How many points were passed. */
  get points(): number {
    return this.#points;
  }

  override create(
    ...args: Parameters<PostgresSagaStore['create']>
  ): ReturnType<PostgresSagaStore['create']> {
    return this.#around(() => super.create(...args));
  }

  override commit(
    ...args: Parameters<PostgresSagaStore['commit']>
  ): ReturnType<PostgresSagaStore['commit']> {
    return this.#around(() => super.commit(...args));
  }

  override post(
    ...args: Parameters<PostgresSagaStore['post']>
  ): ReturnType<PostgresSagaStore['post']> {
    return this.#around(() => super.post(...args));
  }

  override transaction<T>(work: (transaction: PostgresTransaction) => Promise<T>): Promise<T> {
    return this.#around(() => super.transaction(work));
  }

  async #around<T>(write: () => Promise<T>): Promise<T> {
    this.#pass();
    const written = write();
    // Groups leave at the end of a turn: two turns later the statement is with the server.
    setImmediate(() => setImmediate(() => this.#pass()));
    const result = await written;
    this.#pass();
    return result;
  }

  #pass(): void {
    this.#points += 1;
    if (this.#points === this.killAt) process.kill(process.pid, 'SIGKILL');
  }
}
