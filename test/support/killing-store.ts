import type { PostgresTransaction } from '../../runtime/src/postgres/connection/client.ts';
import {
  PostgresSagaStore,
  type PostgresSagaStoreOptions,
} from '../../runtime/src/postgres/sagas/saga-store.ts';
import { KillPoints } from './kill-points.ts';

/** A saga store that kills its own process at a point around a durable write. */
export class KillingSagaStore extends PostgresSagaStore {
  readonly #points: KillPoints;

  constructor(options: PostgresSagaStoreOptions, points = new KillPoints()) {
    super(options);
    this.#points = points;
  }

  override create(
    ...args: Parameters<PostgresSagaStore['create']>
  ): ReturnType<PostgresSagaStore['create']> {
    return this.#points.around(() => super.create(...args));
  }

  override commit(
    ...args: Parameters<PostgresSagaStore['commit']>
  ): ReturnType<PostgresSagaStore['commit']> {
    return this.#points.around(() => super.commit(...args));
  }

  override post(
    ...args: Parameters<PostgresSagaStore['post']>
  ): ReturnType<PostgresSagaStore['post']> {
    return this.#points.around(() => super.post(...args));
  }

  override transaction<T>(work: (transaction: PostgresTransaction) => Promise<T>): Promise<T> {
    return this.#points.around(() => super.transaction(work));
  }
}
