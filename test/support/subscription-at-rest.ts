import { expect, vi } from 'vitest';
import type { TestDatabase } from './database.ts';

/**
 * Call it before a subscription to events begins; what it gives back resolves when that subscription has found the end, has
 * seen once more that it still is the end, and waits. From then on it misses what it is not told of, for as long as it polls.
 */
export function subscriptionAtRest({ pool }: Pick<TestDatabase, 'pool'>): () => Promise<void> {
  const queries = vi.spyOn(pool, 'query');
  return async () => {
    await vi.waitFor(() => {
      const looks = (queries.mock.calls as readonly (readonly unknown[])[]).filter(
        ([statement]) => (statement as { name?: string }).name === 'potter_next_positions_events',
      );
      expect(looks.length).toBeGreaterThanOrEqual(2);
    }, 30_000);
    await Promise.all(queries.mock.results.map(({ value }) => value as Promise<unknown>));
    queries.mockRestore();
  };
}
