import { InMemoryProjectionStore, type InMemoryReadModel } from 'potter-runtime/projections';
import { projectionStoreContract, VirtualClock } from 'potter-runtime/testing';
import { describe, expect, test } from 'vitest';

describe('in-memory projection store', () => {
  let tables = 0;
  const rules = projectionStoreContract<InMemoryReadModel>(() => {
    const clock = new VirtualClock();
    const store = new InMemoryProjectionStore({ clock });
    return {
      store,
      makeTable: async () => `table_${(tables += 1)}`,
      put: async (transaction, table, key, value) => {
        transaction.rows(table).set(key, value);
      },
      rows: async (table) =>
        [...store.rows(table)].map(([key, value]) => `${key}=${String(value)}`).toSorted(),
      expire: () => clock.advance('61s'),
    };
  });

  test.each(rules)('$name', async ({ run }) => {
    await run();
    expect(rules.length).toBeGreaterThan(8);
  });
});
