import type { LockPlace } from '../saga-directory.ts';
import type { SagaRow } from './saga-row.ts';

/**
 * Who waits for which key, in order of acceptance; the first of a queue has the key. Keys are joined all at once, so that of
 * two sagas one is before the other in every queue they share, and nobody waits in a circle.
 */
export class InMemoryLockQueues {
  readonly #queues = new Map<string, Set<SagaRow>>();
  /** For how many more keys a saga waits. */
  readonly #missing = new Map<SagaRow, number>();

  /** @returns whether all the keys are its own at once. */
  join(row: SagaRow, keys: readonly string[]): boolean {
    let missing = 0;
    for (const key of keys) {
      const queue = this.#queues.get(key) ?? new Set();
      if (queue.size > 0) missing += 1;
      this.#queues.set(key, queue.add(row));
    }
    if (missing > 0) this.#missing.set(row, missing);
    return missing === 0;
  }

  /** @returns those whose keys are all their own now. */
  leave(row: SagaRow, keys: readonly string[]): readonly SagaRow[] {
    const granted: SagaRow[] = [];
    this.#missing.delete(row);
    for (const key of keys) {
      const queue = this.#queues.get(key);
      const wasFirst = first(queue) === row;
      queue?.delete(row);
      if (queue?.size === 0) this.#queues.delete(key);
      const next = wasFirst ? first(queue) : undefined;
      if (!next) continue;
      const missing = (this.#missing.get(next) ?? 1) - 1;
      this.#missing.set(next, missing);
      if (missing > 0) continue;
      this.#missing.delete(next);
      granted.push(next);
    }
    return granted;
  }

  /** Where it stands in those queues in which it is not the first. */
  places(row: SagaRow): readonly LockPlace[] {
    const places: LockPlace[] = [];
    for (const [key, queue] of this.#queues) {
      const ahead = [...queue].indexOf(row);
      const holder = first(queue)?.saga.sagaId;
      if (ahead > 0 && holder !== undefined) places.push({ key, holder, ahead });
    }
    return places.sort((one, other) => (one.key < other.key ? -1 : 1));
  }
}

function first(queue: Set<SagaRow> | undefined): SagaRow | undefined {
  return queue?.values().next().value;
}
