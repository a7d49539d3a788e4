import type {
  Feed,
  FeedBatch,
  FeedOptions,
  InMemoryReadModel,
  Projection,
} from 'potter-runtime/projections';

/** Something with a place and a key to be counted by. */
export interface Counted {
  readonly position: bigint;
  readonly key: string;
}

/** A feed that a test fills. */
export class TestFeed implements Feed<Counted> {
  readonly #items: Counted[] = [];
  readonly #waiting = new Set<() => void>();
  /** Subscriptions that were begun, by where they began. */
  readonly begun: bigint[] = [];

  add(...keys: readonly string[]): void {
    for (const key of keys) this.#items.push({ position: BigInt(this.#items.length + 1), key });
    for (const wake of this.#waiting) wake();
  }

  async head(): Promise<bigint> {
    return BigInt(this.#items.length);
  }

  async *subscribe(options: FeedOptions = {}): AsyncGenerator<FeedBatch<Counted>, void, undefined> {
    const { signal, batchSize = 500 } = options;
    let position = options.after ?? 0n;
    this.begun.push(position);
    let reported = false;
    for (;;) {
      if (signal?.aborted) return;
      const items = this.#items.slice(Number(position), Number(position) + batchSize);
      position = items.at(-1)?.position ?? position;
      const caughtUp = position === BigInt(this.#items.length);
      if (items.length > 0 || !reported) {
        reported = caughtUp;
        yield { items, position, caughtUp };
        continue;
      }
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
        signal?.addEventListener('abort', wake, { once: true });
      });
    }
  }
}

/** Counts by key: handled twice, an item would count twice. */
export function counting(
  overrides: Partial<Projection<Counted, InMemoryReadModel>> = {},
): Projection<Counted, InMemoryReadModel> {
  return {
    name: 'counts',
    version: 1,
    tables: [{ name: 'counts' }],
    handle: async (items, { transaction, table }) => {
      const rows = transaction.rows(table('counts'));
      for (const { key } of items) rows.set(key, Number(rows.get(key) ?? 0) + 1);
    },
    ...overrides,
  };
}
