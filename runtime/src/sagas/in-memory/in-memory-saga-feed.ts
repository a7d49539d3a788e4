import type { FeedBatch, FeedOptions } from '../../projections/feed.ts';
import type { SagaFeed, SagaFeedItem } from '../saga-feed.ts';
import type { SagaRow } from './saga-row.ts';

/** Entries after `after`, `count` of them, that became visible together. */
interface Commit {
  readonly row: SagaRow;
  readonly after: number;
  readonly count: number;
}

/** The commits of an in-memory store in their order; positions are 1n, 2n, … without holes. */
export class InMemorySagaFeed implements SagaFeed {
  /** The commit with position n is at n - 1. */
  readonly #commits: Commit[] = [];
  readonly #waiting = new Set<() => void>();

  /** A commit became visible: the row has its entries already. */
  add(row: SagaRow, after: number, count: number): void {
    if (count === 0) return;
    this.#commits.push({ row, after, count });
    for (const wake of this.#waiting) wake();
  }

  async *subscribe(
    options: FeedOptions = {},
  ): AsyncGenerator<FeedBatch<SagaFeedItem>, void, undefined> {
    const { signal, batchSize = 500 } = options;
    let position = options.after ?? 0n;
    let reported = false;
    for (;;) {
      if (signal?.aborted) return;
      const items = this.#items(position, batchSize);
      position = items.at(-1)?.position ?? position;
      const caughtUp = position >= BigInt(this.#commits.length);
      if (items.length > 0 || !reported) {
        reported = caughtUp;
        yield { items, position, caughtUp };
      } else {
        await this.#nextCommit(signal);
      }
    }
  }

  async head(): Promise<bigint> {
    return BigInt(this.#commits.length);
  }

  #items(after: bigint, limit: number): readonly SagaFeedItem[] {
    const from = Number(after);
    return this.#commits.slice(from, from + limit).map((commit, at) => ({
      position: after + BigInt(at + 1),
      sagaId: commit.row.saga.sagaId,
      entries: commit.row.entries(BigInt(commit.after), commit.count),
    }));
  }

  #nextCommit(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }
}
