import { InMemorySagaStore, type InMemoryTransaction } from 'potter-runtime/sagas';
import { sagaStoreContract, VirtualClock } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';

describe('in-memory saga store', () => {
  const rules = sagaStoreContract<InMemoryTransaction>(() => {
    const clock = new VirtualClock();
    const store = new InMemorySagaStore({ clock });
    // Everybody else is heard from before the one to expire is not.
    const alive = new Set<string>();
    const heartbeat = store.heartbeat.bind(store);
    store.heartbeat = (workerId, ttlMs) => {
      alive.add(workerId);
      return heartbeat(workerId, ttlMs);
    };
    const expire = async (expired: string): Promise<void> => {
      await clock.advance('40s');
      for (const workerId of alive) if (workerId !== expired) await heartbeat(workerId, 60_000);
      await clock.advance('30s');
    };
    return { store, expire };
  });

  test.each(rules)('$name', async ({ run }) => {
    await run();
    expect(rules.length).toBeGreaterThan(20);
  });

  test('keeps what it was given apart from what its callers hold', async () => {
    const store = new InMemorySagaStore();
    const [first] = sagaStoreContract<InMemoryTransaction>(() => ({
      store,
      expire: async () => {},
    }));
    await first?.run();
    const sagas = await store.unclaimable([]);
    expect(sagas).toHaveLength(1);
  });
});
