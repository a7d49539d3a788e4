import type { Clock } from 'potter-runtime/foundation';
import {
  InMemorySagaStore,
  type InMemoryTransaction,
  InMemoryTwoPhaseLog,
  TwoPhaseCoordinator,
} from 'potter-runtime/sagas';
import {
  crashEverywhere,
  FakeTwoPhaseParticipant,
  type LedgerClient,
} from 'potter-runtime/testing';
import { expect, test } from 'vitest';
import type { Warehouses } from '../../src/application/warehouse.ts';
import { warehouseOrderSaga } from '../../src/application/warehouse-order-saga.ts';
import { WAREHOUSES, type WarehouseOrder } from '../../src/domain/warehouse-order.ts';

const input: WarehouseOrder = {
  customerId: 'customer-1',
  lines: WAREHOUSES.map((warehouseId) => ({ warehouseId, sku: 'sku-1', quantity: 1 })),
  paymentToken: 'valid',
};

/** What outlives the processes of a run: the coordinator's log, and the warehouses. */
class World {
  readonly log: InMemoryTwoPhaseLog;
  readonly participants: readonly FakeTwoPhaseParticipant[];
  readonly released = new Set<string>();
  readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
    this.log = new InMemoryTwoPhaseLog({ clock });
    this.participants = WAREHOUSES.map((name) => new FakeTwoPhaseParticipant(name, { clock }));
  }

  saga(ledger: LedgerClient) {
    const { clock, log, participants, released } = this;
    const coordinator = new TwoPhaseCoordinator({ log, participants, clock, random: () => 0.5 });
    const warehouses: Warehouses = new Map(
      participants.map((participant) => [
        participant.name,
        {
          participant,
          release: async () => void released.add(participant.name),
          stock: async () => ({ onHand: 50, reserved: 0 }),
        },
      ]),
    );
    return warehouseOrderSaga<InMemoryTransaction>({
      coordinator,
      warehouses,
      payments: {
        charge: ({ key }) => ledger.apply(key, () => ({ paymentId: 'payment-1' })),
        refund: ({ key }) => ledger.apply(key),
      },
    });
  }
}

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
}, 60_000);
