import { InMemorySagaStore, type InMemoryTransaction } from 'potter-runtime/sagas';
import { sagaFeedContract } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';

describe('feed of an in-memory saga store', () => {
  const rules = sagaFeedContract<InMemoryTransaction>(() => {
    const store = new InMemorySagaStore();
    return { store, feed: store.feed, expire: async () => {} };
  });

  test.each(rules)('$name', async ({ run }) => {
    await run();
    expect(rules.length).toBeGreaterThan(5);
  });
});
