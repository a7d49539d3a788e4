import { InMemorySagaStore } from 'potter-runtime/sagas';
import { crashEverywhere } from 'potter-runtime/testing';
import { expect, test } from 'vitest';
import { WAREHOUSES, type WarehouseOrder } from '../../src/domain/warehouse-order.ts';
import { World } from '../support/world.ts';

const input: WarehouseOrder = {
  customerId: 'customer-1',
  lines: WAREHOUSES.map((warehouseId) => ({ warehouseId, sku: 'sku-1', quantity: 1 })),
  paymentToken: 'valid',
};

test('the saga killed before, during and after every write, forwards and undoing, ends whole', async () => {
  let world: World | undefined;
  const report = await crashEverywhere({
    store: (clock) => {
      world = new World(clock);
      return new InMemorySagaStore({ clock });
    },
    // The first call only looks at the steps.
    scenario: (ledger) => ({
      definition: (
        world ?? new World({ now: () => new Date(), schedule: () => ({ cancel: () => {} }) })
      ).saga(ledger),
      input,
    }),
    check: ({ status }) => {
      const { participants, released } = world ?? { participants: [], released: new Set<string>() };
      const reserved = participants.filter(
        ({ name, committed }) => committed.length === 1 && !released.has(name),
      );
      const held = participants.flatMap((participant) => participant.held);
      const wanted = status === 'completed' ? WAREHOUSES.length : 0;
      return reserved.length === wanted && held.length === 0
        ? []
        : [`${status}: ${reserved.length} reserved, ${held.length} prepared`];
    },
  });
  expect(report.violations).toEqual([]);
  expect(report.points).toBeGreaterThan(40);
});
